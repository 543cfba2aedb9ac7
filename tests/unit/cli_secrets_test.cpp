// Passwords in URLs are kept out of what is shown.
#include "cli/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Secrets, EveryUrlInATextIsMasked) {
  const std::string shown = mask_secrets(
      "run --storage=postgresql://me:secret@host/a --set "
      "warm_start.store='postgresql://you:hidden@host/b' http://host/c");
  EXPECT_THAT(shown, Not(HasSubstr("secret")));
  EXPECT_THAT(shown, Not(HasSubstr("hidden")));
  EXPECT_THAT(shown, HasSubstr("run --storage=postgresql://me:"));
  EXPECT_THAT(shown, HasSubstr("@host/b' http://host/c"));
  EXPECT_EQ(mask_secrets("study.toml --out a://"), "study.toml --out a://");
}

TEST(Secrets, AUrlCanBeWrittenDownWithoutItsPassword) {
  EXPECT_EQ(without_password("postgresql://me:secret@host:5432/a?sslmode=require"),
            "postgresql://me@host:5432/a?sslmode=require");
  EXPECT_EQ(without_password("postgresql://me@host/a"), "postgresql://me@host/a");
  EXPECT_EQ(without_password("postgresql://host/a?user=me&password=secret&sslmode=require"),
            "postgresql://host/a?user=me&sslmode=require");
  EXPECT_EQ(without_password("postgresql://host/a?password=secret&user=me"),
            "postgresql://host/a?user=me");
  EXPECT_EQ(without_password("postgresql://host/a?password=secret"), "postgresql://host/a");
  EXPECT_EQ(without_password("postgresql://me:se:cr@et@host/a"), "postgresql://me@host/a");
  EXPECT_EQ(without_password("runs/a/study.db"), "runs/a/study.db");
}

TEST(Secrets, ArgumentsAreMaskedWhereTheyAre) {
  std::vector<std::string> words = {"hypertune", "worker", "postgresql://me:secret@host/a",
                                    "postgresql://me:s@host/a"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  hide_arguments(static_cast<int>(arguments.size()), arguments.data());
  EXPECT_EQ(words[1], "worker");
  EXPECT_THAT(words[2], Not(HasSubstr("secret")));
  EXPECT_THAT(words[2], HasSubstr("postgresql://me:"));
  EXPECT_THAT(words[3], Not(HasSubstr(":s@")));
  EXPECT_EQ(words[3].size(), std::string("postgresql://me:s@host/a").size());
}

}  // namespace
}  // namespace hypertune
