// Storage URLs: which store they name, and that nobody sees their password.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace testing_support;

std::string config_error(const std::string& url) {
  try {
    open_storage(url);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no ConfigError";
}

TEST(StorageUrl, APathAndASqliteUrlNameTheSameFile) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  StudySpec spec;
  spec.name = "s";
  spec.objectives = {{"loss"}};
  open_storage(file.string())->open_study(spec);
  EXPECT_TRUE(open_storage("sqlite:///" + file.string())->find_study("s"));
}

TEST(StorageUrl, WhatNamesNoStoreIsRefusedWithTheFormsThereAre) {
  for (const char* url : {"", "mysql://u:secret@h/d", "http://h/study.db"}) {
    EXPECT_THAT(config_error(url), AllOf(HasSubstr("sqlite:///"), HasSubstr("postgresql://"),
                                         Not(HasSubstr("secret"))));
  }
  EXPECT_THAT(config_error("sqlite://"), HasSubstr("three slashes"));
  EXPECT_THAT(config_error("sqlite:///"), HasSubstr("three slashes"));
  EXPECT_THAT(config_error("sqlite://study.db"), HasSubstr("three slashes"));
  EXPECT_THAT(config_error("sqlite:///a.db?timeout=3"), HasSubstr("no options"));
}

TEST(StorageUrl, NobodySeesAPassword) {
  EXPECT_EQ(masked_url("postgresql://u:secret@h:5432/d"), "postgresql://u:***@h:5432/d");
  EXPECT_EQ(masked_url("postgresql://u:se@cr/et@h/d"), "postgresql://u:***@h/d");
  EXPECT_EQ(masked_url("postgresql://u@h/d?password=secret&sslmode=require"),
            "postgresql://u@h/d?password=***&sslmode=require");
  EXPECT_EQ(masked_url("postgresql://h/d?PassWord=secret"), "postgresql://h/d?PassWord=***");
  EXPECT_EQ(masked_url("postgresql://h/d?sslpassword=a&password=b"),
            "postgresql://h/d?sslpassword=***&password=***");
}

TEST(StorageUrl, WhatHasNoPasswordStaysAsItIs) {
  for (const char* url : {"study.db", "postgresql://u@h:5432/d", "postgresql:///d",
                          "postgresql://h:5432/d?sslmode=require", "sqlite:////tmp/a.db"}) {
    EXPECT_EQ(masked_url(url), url);
  }
}

}  // namespace
}  // namespace hypertune
