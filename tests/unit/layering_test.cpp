// The source tree keeps its own rules: dependencies point downward, and files look alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/source_rules.h"

namespace hypertune::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> kTree = source_tree(HYPERTUNE_SOURCE_DIR);
  return kTree;
}

std::string all_of(std::vector<std::string> (*rule)(const SourceFile&)) {
  std::string text;
  for (const SourceFile& file : tree()) {
    for (const std::string& violation : rule(file)) text += violation + "\n";
  }
  return text;
}

TEST(Layering, TheWholeTreeIsRead) {
  const auto has = [](const std::string& path) {
    return std::ranges::any_of(tree(), [&](const SourceFile& file) { return file.path == path; });
  };
  EXPECT_TRUE(has("include/hypertune/study.h"));
  EXPECT_TRUE(has("src/base/files.cpp"));
  EXPECT_TRUE(has(".ci/run"));
  EXPECT_FALSE(has(".git/config"));
}

TEST(Layering, DependenciesPointDownwardOnly) { EXPECT_EQ(all_of(layering_violations), ""); }

TEST(Layering, FilesKeepTheRulesOfStyle) { EXPECT_EQ(all_of(style_violations), ""); }

TEST(Layering, NoTwoHeadersDefineClassesOfOneName) {
  EXPECT_THAT(twice_defined(tree()), IsEmpty());
  EXPECT_THAT(
      twice_defined({{"src/config/a.h", "// A.\nstruct Page {\n};\n"},
                     {"src/report/b.h", "// B.\nclass Page;\n\nclass Page : public X {\n"}}),
      ElementsAre(HasSubstr("src/report/b.h:4: Page is defined in src/config/a.h too")));
}

TEST(Layering, AnUpwardOrSidewaysIncludeIsFoundWithItsLine) {
  EXPECT_THAT(layering_violations({"src/base/x.h", "// X.\n#include \"core/y.h\"\n"}),
              ElementsAre(HasSubstr("src/base/x.h:2: base (level 0) includes core (level 2)")));
  EXPECT_THAT(layering_violations({"src/exec/x.h", "// X.\n#include \"storage/y.h\"\n"}),
              ElementsAre(HasSubstr("downward only")));
  EXPECT_THAT(layering_violations({"src/train/x.h", "// X.\n#include \"core/y.h\"\n"}),
              ElementsAre(HasSubstr("train uses the public interface, base and nn")));
  EXPECT_THAT(layering_violations({"src/cli/x.h", "// X.\n#include \"y.h\"\n"}),
              ElementsAre(HasSubstr("write \"cli/y.h\"")));
  EXPECT_THAT(layering_violations({"src/misc/x.h", "// X.\n"}), ElementsAre(HasSubstr("no level")));
}

TEST(Layering, AllowedIncludesAreNotFound) {
  EXPECT_THAT(layering_violations({"src/core/x.h",
                                   "#include \"core/y.h\"\n#include \"base/z.h\"\n"
                                   "#include \"hypertune/study.h\"\n#include <map>\n"
                                   "// #include \"cli/app.h\"\n"}),
              IsEmpty());
  EXPECT_THAT(layering_violations({"src/train/x.h", "// X.\n#include \"nn/y.h\"\n"}), IsEmpty());
}

TEST(Layering, LibrariesOfOneModuleAreFoundElsewhere) {
  for (const char* file : {"src/core/x.cpp", "src/nn/x.cpp", "src/train/x.cpp"}) {
    EXPECT_THAT(layering_violations({file, "#include <torch/torch.h>\n"}),
                ElementsAre(HasSubstr("LibTorch")));
  }
  EXPECT_THAT(layering_violations({"src/core/x.cpp", "#include <sqlite3.h>\n"}),
              ElementsAre(HasSubstr("SQLite")));
  EXPECT_THAT(layering_violations({"src/cli/x.cpp", "run(\"SELECT 1\");\n"}),
              ElementsAre(HasSubstr("SQL belongs")));
  EXPECT_THAT(layering_violations({"include/hypertune/x.h", "#include <fmt/format.h>\n"}),
              ElementsAre(HasSubstr("public headers")));
}

TEST(Layering, ForbiddenWordsAreFoundInCodeButNotInTexts) {
  const auto in_code = [](const std::string& code) {
    return style_violations({"src/core/x.cpp", "// X.\n" + code + "\n"});
  };
  for (const char* bad :
       {"int x = std::rand();", "std::random_device d;",
        "auto t = std::chrono::system_clock::now();", "thread.detach();", "auto* p = new Thing();",
        "delete p;", "std::any a;", "std::this_thread::sleep_for(1s);"}) {
    EXPECT_THAT(in_code(bad), ElementsAre(HasSubstr("src/core/x.cpp:2: "))) << bad;
  }
  for (const char* good : {"// a new thing; delete it", "say(\"a new trial, delete it\");",
                           "X(const X&) = delete;", "int new_trials = 1'000;"}) {
    EXPECT_THAT(in_code(good), IsEmpty()) << good;
  }
}

TEST(Layering, FaultsOfWholeFilesAreFound) {
  EXPECT_THAT(style_violations({"src/core/x.cpp", "int x;\n"}), ElementsAre(HasSubstr("comment")));
  EXPECT_THAT(style_violations({"src/core/x.h", "// X.\n"}), ElementsAre(HasSubstr("pragma")));
  EXPECT_THAT(style_violations({"src/core/x.h", "// X.\n#pragma once\nusing namespace std;\n"}),
              ElementsAre(HasSubstr("src/core/x.h:3: ")));
  EXPECT_THAT(style_violations({"src/core/utils.cpp", "// X.\n"}),
              ElementsAre(HasSubstr("after what is in it")));
  EXPECT_THAT(style_violations({"docs/x.md", std::string("TO") + "DO: write\n"}),
              ElementsAre(HasSubstr("docs/x.md:1: ")));
  EXPECT_THAT(style_violations({"docs/x.md", std::string("see /ho") + "me/ann/x\n"}),
              ElementsAre(HasSubstr("one machine")));
}

TEST(Layering, CommentsAndStringsAreBlankedWhereTheyAre) {
  EXPECT_EQ(without_comments("a // b\nc", Strings::Blank), "a     \nc");
  EXPECT_EQ(without_comments("/* x\n */ y", Strings::Blank), "    \n    y");
  EXPECT_EQ(without_comments("f(\"a // b\");", Strings::Keep), "f(\"a // b\");");
  EXPECT_EQ(without_comments("f(\"a\\\"b\");", Strings::Blank), "f(\"    \");");
  EXPECT_EQ(without_comments("R\"(a\" // b)\"; c", Strings::Keep), "R\"(a\" // b)\"; c");
  EXPECT_EQ(without_comments("1'000 // x", Strings::Blank), "1'000     ");
}

}  // namespace
}  // namespace hypertune::testing
