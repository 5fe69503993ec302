// The page that a newcomer follows, followed: docs/publishing.md.

#include <cstdlib>
#include <string>

#include "rabbitmq/support.h"
#include "support/temp_dir.h"

namespace daybook::test {
namespace {

TEST(PageTest, LeadsFromAnEmptyFolderToRabbitMq) {
  const TempDir folder;
  const std::string root = DAYBOOK_ROOT;
  const std::string command = "cd " + folder.path() + " && DAYBOOK=" + root +
                              " BROKER=" + Server().uri() + " " + root +
                              "/tests/rabbitmq/follow_page " + root + "/docs/publishing.md";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace daybook::test
