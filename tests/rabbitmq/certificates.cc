#include "rabbitmq/certificates.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace daybook::test {
namespace {

void OpenSsl(const std::string& arguments) {
  if (std::system(("openssl " + arguments + " >/dev/null 2>&1").c_str()) != 0) {
    throw std::runtime_error("openssl " + arguments + " failed");
  }
}

}  // namespace

Authority::Authority() {
  OpenSsl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=TestCA" +
          (" -keyout " + dir_.File("ca.key")) + " -out " + ca_file());
}

void Authority::Issue(const std::string& name, const std::string& subject_alternative) const {
  const std::string request = dir_.File(name + ".csr"), extensions = dir_.File(name + ".ext");
  std::ofstream(extensions) << "subjectAltName=" << subject_alternative << "\n";
  OpenSsl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " +
          key_file(name) + " -out " + request);
  OpenSsl("x509 -req -days 2 -CAcreateserial -in " + request + " -CA " + ca_file() + " -CAkey " +
          dir_.File("ca.key") + " -extfile " + extensions + " -out " + certificate_file(name));
}

}  // namespace daybook::test
