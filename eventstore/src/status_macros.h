#ifndef DAYBOOK_SRC_STATUS_MACROS_H_
#define DAYBOOK_SRC_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define DAYBOOK_RETURN_IF_ERROR(expression)                                 \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

#define DAYBOOK_ASSIGN_OR_RETURN(declaration, expression) \
  DAYBOOK_ASSIGN_OR_RETURN_IMPL_(DAYBOOK_CONCAT_(status_or_, __LINE__), declaration, expression)
#define DAYBOOK_ASSIGN_OR_RETURN_IMPL_(result, declaration, expression) \
  auto result = (expression);                                           \
  if (!result.ok()) return std::move(result).status();                  \
  declaration = *std::move(result)
#define DAYBOOK_CONCAT_(a, b) DAYBOOK_CONCAT_IMPL_(a, b)
#define DAYBOOK_CONCAT_IMPL_(a, b) a##b

#endif  // DAYBOOK_SRC_STATUS_MACROS_H_
