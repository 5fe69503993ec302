#include "transport/rabbitmq/uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/status_matchers.h"

namespace daybook::internal::rabbitmq {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string AllOf(const Address& a) {
  return (a.tls ? "tls " : "") + a.user + "|" + a.password + "|" + a.host + "|" +
         std::to_string(a.port) + "|" + a.vhost;
}

TEST(RabbitMqUriTest, WhatIsLeftOutHasRabbitMqsDefaults) {
  EXPECT_EQ(AllOf(*ParseUri("amqp://broker")), "guest|guest|broker|5672|/");
  EXPECT_EQ(AllOf(*ParseUri("amqp://broker/")), "guest|guest|broker|5672|/");
  EXPECT_EQ(AllOf(*ParseUri("AMQPS://broker")), "tls guest|guest|broker|5671|/");
  EXPECT_EQ(AllOf(*ParseUri("amqp://user@broker")), "user||broker|5672|/");
}

TEST(RabbitMqUriTest, EveryPartIsRead) {
  EXPECT_EQ(AllOf(*ParseUri("amqp://user:secret@broker.example:1234/shop")),
            "user|secret|broker.example|1234|shop");
  EXPECT_EQ(AllOf(*ParseUri("amqp://u%40x:p%3A%2F%40@h/%2F")), "u@x|p:/@|h|5672|/");
  EXPECT_EQ(AllOf(*ParseUri("amqp://u:a@b@h")), "u|a@b|h|5672|/");
  EXPECT_EQ(AllOf(*ParseUri("amqp://[::1]:5/v")), "guest|guest|::1|5|v");
}

TEST(RabbitMqUriTest, WhatIsShownIsAUriWithoutUserAndPassword) {
  EXPECT_EQ(ParseUri("amqp://user:secret@h/a%20b")->Shown(), "amqp://h:5672/a%20b");
  EXPECT_EQ(ParseUri("amqps://user:secret@[::1]")->Shown(), "amqps://[::1]:5671/%2F");
}

TEST(RabbitMqUriTest, AWrongPartIsNamedAndNotQuoted) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "amqp://"},
      {"broker", "amqp://"},
      {"http://broker", "amqp://"},
      {"amqp://", "host is empty"},
      {"amqp://:5672", "host is empty"},
      {"amqp://u:hunter2@", "host is empty"},
      {"amqp://:hunter2@h", "user is empty"},
      {"amqp://h:0", "port"},
      {"amqp://h:65536", "port"},
      {"amqp://h:", "port"},
      {"amqp://u:hunter2/x@h", "port"},
      {"amqp://u:5/hunter2@h", "percent-encoded"},
      {"amqp://u:5#hunter2@h/a/b", "percent-encoded"},
      {"amqp://h/a?hunter2=1", "percent-encoded"},
      {"amqp://u:hunter2%@h", "password"},
      {"amqp://u:hunter2%zz@h", "password"},
      {"amqp://u:hunter2%00@h", "password"},
      {"amqp://%4:hunter2@h", "user"},
      {"amqp://h/%g0", "virtual host"},
      {"amqp://[::1", "no ]"},
      {"amqp://[::1]x", "]"},
  };
  for (const auto& [uri, part] : wrong) {
    const absl::Status status = ParseUri(uri).status();
    EXPECT_THAT(status, test::Fails(absl::StatusCode::kInvalidArgument, part)) << uri;
    EXPECT_THAT(status.ToString(), Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(ParseUri("amqp://h/" + std::string(256, 'v')),
              test::Fails(absl::StatusCode::kInvalidArgument, "virtual host"));
}

}  // namespace
}  // namespace daybook::internal::rabbitmq
