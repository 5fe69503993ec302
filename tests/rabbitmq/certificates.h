#ifndef DAYBOOK_TESTS_RABBITMQ_CERTIFICATES_H_
#define DAYBOOK_TESTS_RABBITMQ_CERTIFICATES_H_

#include <string>

#include "support/temp_dir.h"

namespace daybook::test {

// A certificate authority in a temporary folder, made with openssl(1).
class Authority {
 public:
  Authority();

  std::string ca_file() const { return dir_.File("ca.pem"); }

  // Makes NAME.pem and NAME.key, for `subject_alternative`: "IP:127.0.0.1".
  void Issue(const std::string& name, const std::string& subject_alternative) const;
  std::string certificate_file(const std::string& name) const { return dir_.File(name + ".pem"); }
  std::string key_file(const std::string& name) const { return dir_.File(name + ".key"); }

 private:
  TempDir dir_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_RABBITMQ_CERTIFICATES_H_
