#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rabbitmq/support.h"

namespace daybook::test {
namespace {

class RabbitMqTlsTest : public RabbitTest {
 protected:
  RabbitMqTransportOptions TlsOptions(const std::string& host = "127.0.0.1") const {
    RabbitMqTransportOptions options = Options();
    options.uri = "amqps://guest:guest@" + host + ":" + std::to_string(Server().tls_port());
    options.tls.ca_file = Certificates().ca_file();
    return options;
  }
  DeliveryResult SendWith(const RabbitMqTransportOptions& options) {
    const auto transport = Connect(options);
    answers_.Send(*transport, Event("1"));
    return answers_.Of("1");
  }

  Answers answers_;
};

TEST_F(RabbitMqTlsTest, ABrokerWithARightCertificateIsTalkedTo) {
  const std::string queue = Queue();
  const auto transport = Connect(TlsOptions());

  for (int i = 0; i < 2000; ++i) answers_.Send(*transport, Event(std::to_string(i)));
  answers_.Send(*transport, Event("large", std::string(1 << 20, 'x')));

  ASSERT_TRUE(answers_.WaitFor(2001));
  EXPECT_EQ(answers_.Count(Delivery::kConfirmed), 2001u);
  EXPECT_EQ(client_.Count(queue), 2001);
  EXPECT_EQ(transport->Health().endpoint.rfind("amqps://127.0.0.1:", 0), 0u);
}

TEST_F(RabbitMqTlsTest, AnAuthorityThatIsNotTrustedIsSaid) {
  const Authority another;
  RabbitMqTransportOptions options = TlsOptions();
  options.tls.ca_file = another.ca_file();

  const DeliveryResult result = SendWith(options);

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "certificate is refused"));
}

TEST_F(RabbitMqTlsTest, TheSystemsAuthoritiesAreTrustedWhereNoneIsGiven) {
  RabbitMqTransportOptions options = TlsOptions();
  options.tls.ca_file.clear();

  const DeliveryResult result = SendWith(options);

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "certificate is refused"));
}

TEST_F(RabbitMqTlsTest, ACertificateOfAnotherHostIsRefused) {
  const DeliveryResult result = SendWith(TlsOptions("localhost"));

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why,
              Fails(absl::StatusCode::kUnavailable, "certificate is refused: hostname mismatch"));
}

TEST_F(RabbitMqTlsTest, AnAuthorityFileThatIsNotThereIsNamed) {
  RabbitMqTransportOptions options = TlsOptions();
  options.tls.ca_file = "/nowhere/ca.pem";

  const DeliveryResult result = SendWith(options);

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kInvalidArgument, "/nowhere/ca.pem"));
}

TEST_F(RabbitMqTlsTest, APortWithoutTlsIsSaid) {
  RabbitMqTransportOptions options = TlsOptions();
  options.uri = "amqps://127.0.0.1:" + std::to_string(Server().port());

  const DeliveryResult result = SendWith(options);

  EXPECT_EQ(result.delivery, Delivery::kDown);
  EXPECT_THAT(result.why, Fails(absl::StatusCode::kUnavailable, "TLS"));
}

TEST_F(RabbitMqTlsTest, ACertificateOfTheClientIsShownToTheBroker) {
  Queue();
  Certificates().Issue("client", "DNS:client");
  RabbitMqTransportOptions options = TlsOptions();
  options.tls.certificate_file = Certificates().certificate_file("client");
  options.tls.key_file = Certificates().key_file("client");
  EXPECT_EQ(SendWith(options).delivery, Delivery::kConfirmed);

  const Authority another;
  another.Issue("stranger", "DNS:stranger");
  options.tls.certificate_file = another.certificate_file("stranger");
  options.tls.key_file = another.key_file("stranger");
  const auto transport = Connect(options);
  answers_.Send(*transport, Event("2"));
  EXPECT_EQ(answers_.Of("2").delivery, Delivery::kDown);
  EXPECT_THAT(answers_.Of("2").why, Fails(absl::StatusCode::kUnavailable, "TLS"));
}

}  // namespace
}  // namespace daybook::test
