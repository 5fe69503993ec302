#include "serialize.h"

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "make_status.h"
#include "utf8.h"

// Protobuf up to 21 has it; newer ones log through Abseil, and the declaration stays alone.
namespace google::protobuf {
class LogSilencer;
}

namespace daybook::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

template <typename Silencer, typename = void>
struct Quiet {};
template <typename Silencer>
struct Quiet<Silencer, std::void_t<decltype(sizeof(Silencer))>> {
  Silencer silencer;
};

// The first of these strings or messages that holds what is not UTF-8, and in which field.
std::string NotUtf8In(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int count = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
  for (int i = 0; i < count; ++i) {
    const std::string name(field.name());
    if (field.type() == FieldDescriptor::TYPE_STRING) {
      std::string scratch;
      const std::string& text =
          field.is_repeated() ? reflection.GetRepeatedStringReference(message, &field, i, &scratch)
                              : reflection.GetStringReference(message, &field, &scratch);
      if (!IsUtf8(text)) return name;
    } else {
      const std::string inner =
          NotUtf8(field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, i)
                                      : reflection.GetMessage(message, &field));
      if (!inner.empty()) return absl::StrCat(name, ".", inner);
    }
  }
  return "";
}

}  // namespace

std::string NotUtf8(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() != FieldDescriptor::TYPE_STRING &&
        field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    }
    std::string found = NotUtf8In(message, *field);
    if (!found.empty()) return found;
  }
  return "";
}

bool ParseSilently(std::string_view bytes, Message& message) {
  const Quiet<google::protobuf::LogSilencer> quiet;
  return message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
         message.IsInitialized();
}

absl::StatusOr<std::string> Serialize(const Message& message, size_t max_bytes) {
  const auto refuse = [&message](const std::string& why) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      absl::StrCat(std::string(message.GetDescriptor()->full_name()), ": ", why));
  };
  if (const size_t size = message.ByteSizeLong(); size > max_bytes) {
    return refuse(absl::StrCat(size, " bytes, more than ", max_bytes));
  }
  if (!message.IsInitialized()) {
    return refuse("required fields are missing: " + message.InitializationErrorString());
  }
  // Protobuf writes such a string, remarks on it to stderr, and refuses to read it.
  if (const std::string field = NotUtf8(message); !field.empty()) {
    return refuse(absl::StrCat("the string in field ", field, " is not UTF-8"));
  }
  std::string bytes = message.SerializePartialAsString();
  const std::unique_ptr<Message> copy(message.New());
  if (!ParseSilently(bytes, *copy)) return refuse("could not be read back");
  return bytes;
}

}  // namespace daybook::internal
