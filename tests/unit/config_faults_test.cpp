// Study files with a fault: each is refused with its place, what is wrong and how to mend it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// Lines 1 to 3 of most files below; what a row adds begins on line 4.
const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n";

std::string fault_of(const std::string& text, const Overrides& overrides = {}) {
  try {
    parse_study_file(text, "folder/study.toml", overrides);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

struct Fault {
  std::string title;  ///< completes "refuses ..."
  std::string text;
  std::string place;               ///< line:column
  std::vector<std::string> words;  ///< what the message must say
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.title; }

class Faults : public testing::TestWithParam<Fault> {};

TEST_P(Faults, AreRefusedWithPlaceReasonAndRemedy) {
  const Fault& fault = GetParam();
  const std::string message = fault_of(fault.text);
  EXPECT_THAT(message, StartsWith("folder/study.toml:" + fault.place + ": "));
  for (const std::string& word : fault.words) EXPECT_THAT(message, HasSubstr(word));
}

std::string title_of(const testing::TestParamInfo<Fault>& info) { return info.param.title; }

const Fault kFileFaults[] = {
    {"AnEmptyFile", "", "1:1", {"is empty", "[study]", "objectives = [", "learning_rate"}},
    {"AFileOfComments", "# nothing\n\n", "1:1", {"is empty"}},
    {"AValueThatDoesNotEnd",
     "[study]\nname = \"s\nseed = 1\n",
     "2:10",
     {"not TOML", "closing quote"}},
    {"TwoValuesOfOneKey",
     "[study]\nname = \"s\"\nname = \"t\"\n",
     "3:8",
     {"redefine", "name", "remove one"}},
    {"AnUnknownSection", kStudy + "[trainr]\n", "4:2", {"section \"trainr\"", "\"trainer\"?"}},
    {"AKeyOutsideTheSections",
     "workers = 2\n" + kStudy,
     "1:1",
     {"unknown section \"workers\"", "one of study, "}},
    {"ASectionThatIsNoTable", "tune = 1\n" + kStudy, "1:8", {"tune is 1", "must be a table"}},
    {"AListOfSections", kStudy + "[[tune]]\n", "4:1", {"tune is a list", "a table"}},
    {"AMissingStudy", "[tune]\nworkers = 1\n", "1:1", {"has no \"study\"", "[study]"}},
};

const Fault kStudyFaults[] = {
    {"AnUnknownKey",
     "[study]\nnam = \"s\"\n",
     "2:1",
     {"unknown key \"nam\" in study", "\"name\"?"}},
    {"AMissingName",
     "[study]\nobjectives = []\n",
     "1:1",
     {"study has no \"name\"", "name = \"my-study\""}},
    {"MissingObjectives", "\n[study]\nname = \"s\"\n", "2:1", {"no \"objectives\"", "maximize"}},
    {"NoObjective", "[study]\nname = \"s\"\nobjectives = []\n", "3:14", {"is empty"}},
    {"ANameThatIsANumber", "[study]\nname = 7\n", "2:8", {"study.name is 7", "text in quotes"}},
    {"AnEmptyName", "[study]\nname = \"\"\n", "2:8", {"is empty"}},
    {"ANameOfBlanks", "[study]\nname = \"  \"\n", "2:8", {"is empty"}},
    {"ANameWithASlash", "[study]\nname = \"a/b\"\n", "2:8", {"slash", "folder"}},
    {"ANameThatHides", "[study]\nname = \".s\"\n", "2:8", {"begins with a dot"}},
    {"ANameLikeAnOption", "[study]\nname = \"-rf\"\n", "2:8", {"begins with a dot or a dash"}},
    {"ANameWithALineBreak", "[study]\nname = \"a\\nb\"\n", "2:8", {"control character"}},
    {"ALongName", "[study]\nname = \"" + std::string(129, 'a') + "\"\n", "2:8", {"128 bytes"}},
    {"ANegativeSeed", kStudy + "seed = -1\n", "4:8", {"seed is -1", "0 or more"}},
    {"AnUnknownMetric",
     "[study]\nname = \"s\"\nobjectives = [{ metric = \"val_acc\", direction = \"maximize\" }]\n",
     "3:26",
     {"no metric \"val_acc\""}},
    {"AnUnknownDirection",
     "[study]\nname = \"s\"\nobjectives = [{ metric = \"val_loss\", direction = \"minimise\" }]\n",
     "3:50",
     {"direction \"minimise\"", "\"minimize\"?"}},
    {"AMissingDirection",
     "[study]\nname = \"s\"\nobjectives = [{ metric = \"val_loss\" }]\n",
     "3:15",
     {"no \"direction\"", "direction = \"maximize\""}},
    {"AnObjectiveTwice",
     "[study]\nname = \"s\"\nobjectives = [{ metric = \"val_loss\", direction = \"minimize\" },\n"
     "  { metric = \"val_loss\", direction = \"maximize\" }]\n",
     "4:3",
     {"val_loss is an objective twice"}},
    {"ObjectivesWithoutAList",
     "[study]\nname = \"s\"\nobjectives = \"val_loss\"\n",
     "3:14",
     {"study.objectives is the text \"val_loss\"", "must be a list"}},
};

const Fault kRunFaults[] = {
    {"NoSamples", kStudy + "[tune]\nnum_samples = 0\n", "5:15", {"is 0", "from 1 to 100000"}},
    {"ANumberOfSamplesWithAPoint",
     kStudy + "[tune]\nnum_samples = 2.0\n",
     "5:15",
     {"is 2.0", "whole"}},
    {"NegativeWorkers", kStudy + "[tune]\nworkers = -1\n", "5:11", {"is -1", "from 0 to 1024"}},
    {"WorkersAsText", kStudy + "[tune]\nworkers = \"2\"\n", "5:11", {"the text \"2\""}},
    {"HugeWorkers", kStudy + "[tune]\nworkers = 9223372036854775807\n", "5:11", {"1024"}},
    {"NoAttempts", kStudy + "[tune]\nmax_attempts = 0\n", "5:16", {"from 1"}},
    {"NoLease", kStudy + "[tune]\nlease_s = 0\n", "5:11", {"from 1"}},
    {"MoreWorkersThanTheLagAllows",
     kStudy + "[tune]\nlag = 2\nworkers = 4\n",
     "6:11",
     {"lag = 2", "3 trials run at once", "raise lag to 3"}},
    {"ANegativeLag", kStudy + "[tune]\nlag = -1\n", "5:7", {"from 0"}},
    {"PairedAsNumber", kStudy + "[tune]\npaired = 1\n", "5:10", {"is 1", "true or false"}},
    {"AMistypedKey", kStudy + "[tune]\nworker = 1\n", "5:1", {"\"worker\"", "\"workers\"?"}},
    {"AnUnknownSampler", kStudy + "[sampler]\nname = \"randon\"\n", "5:8", {"\"random\""}},
    {"AnUnknownScheduler", kStudy + "[scheduler]\nname = \"lifo\"\n", "5:8", {"\"fifo\""}},
    {"AnOptionOfNoSampler",
     kStudy + "[sampler]\nname = \"random\"\nxyzzy = 1\n",
     "6:1",
     {"\"xyzzy\" in sampler \"random\"", "takes no options"}},
    {"ASamplerWithoutName", kStudy + "[sampler]\n", "4:1", {"sampler has no \"name\""}},
    {"APlanOfMillions",
     kStudy + "[tune]\nnum_samples = 60000\n[space]\nbatch_norm = { grid = [true, false] }\n",
     "6:1",
     {"more than 100000 trials", "num_samples"}},
};

const Fault kSpaceFaults[] = {
    {"LowAboveHigh",
     kStudy + "[space]\nlearning_rate = { float = [0.1, 0.01] }\n",
     "5:27",
     {"low (0.1) is above high (0.01)", "swap"}},
    {"LogFromZero",
     kStudy + "[space]\nweight_decay = { float = [0, 0.1], log = true }\n",
     "5:42",
     {"log needs low > 0"}},
    {"LogWithStep",
     kStudy + "[space]\nbatch_size = { int = [1, 8], log = true, step = 2 }\n",
     "5:49",
     {"exclude each other"}},
    {"AStepOfZero",
     kStudy + "[space]\nepochs = { int = [1, 8], step = 0 }\n",
     "5:33",
     {"step must be at least 1"}},
    {"AnIntegerStepWithAPoint",
     kStudy + "[space]\nepochs = { int = [1, 8], step = 0.5 }\n",
     "5:33",
     {"space.epochs.step is 0.5", "whole number"}},
    {"ABoundThatIsNotFinite",
     kStudy + "[space]\ndropout = { float = [0, nan] }\n",
     "5:21",
     {"finite"}},
    {"OneBound", kStudy + "[space]\ndropout = { float = [0.5] }\n", "5:21", {"two bounds"}},
    {"TextAsBound", kStudy + "[space]\nepochs = { int = [1, \"8\"] }\n", "5:22", {"text \"8\""}},
    {"AnEmptyGrid", kStudy + "[space]\nbatch_norm = { grid = [] }\n", "5:23", {"is empty"}},
    {"AnEmptyChoice", kStudy + "[space]\nhead = { choice = [] }\n", "5:19", {"is empty"}},
    {"AValueTwice", kStudy + "[space]\nkernel = { grid = [3, 5, 3] }\n", "5:26", {"lists 3 twice"}},
    {"OneNumberInTwoSpellings",
     kStudy + "[space]\ndropout = { choice = [0, 0.0] }\n",
     "5:26",
     {"twice"}},
    {"AParameterTwice",
     kStudy + "[space]\nepochs = 3\nepochs = { int = [1, 8] }\n",
     "6:10",
     {"redefine", "epochs", "remove one"}},
    {"AParameterTwiceByDottedKeys",
     kStudy + "[space]\nepochs.int = [1, 8]\nepochs.grid = [1, 2]\n",
     "6:8",
     {"has both int and grid"}},
    {"AParameterWithoutKind",
     kStudy + "[space]\nepochs = { log = true }\n",
     "5:10",
     {"float, int, choice, grid"}},
    {"AMistypedKind",
     kStudy + "[space]\nepochs = { ints = [1, 8] }\n",
     "5:12",
     {"unknown key \"ints\" in space.epochs", "\"int\"?"}},
    {"LogOnAChoice",
     kStudy + "[space]\nepochs = { choice = [1, 8], log = true }\n",
     "5:29",
     {"log goes with float and int"}},
    {"AListWithoutMeaning",
     kStudy + "[space]\nlearning_rate = [1e-4, 1e-1]\n",
     "5:17",
     {"{ grid = [...] }", "{ float = [low, high] }"}},
    {"ADate", kStudy + "[space]\nepochs = 1979-05-27\n", "5:10", {"a date"}},
    {"AParameterThatTheTrainerLacks",
     kStudy + "[space]\nlearnig_rate = { float = [1e-4, 1e-1] }\n",
     "5:1",
     {"no option \"learnig_rate\"", "\"learning_rate\"?"}},
    {"AChoiceThatTheTrainerLacks",
     kStudy + "[space]\noptimizer = { choice = [\"adam\", \"adamm\"] }\n",
     "5:33",
     {"adamm", "\"adam\"", "sgd"}},
    {"AFlagAsText",
     kStudy + "[space]\nbatch_norm = { choice = [\"yes\"] }\n",
     "5:26",
     {"batch_norm", "yes", "true or false"}},
    {"AConstantOutOfRange", kStudy + "[space]\nepochs = 0\n", "5:10", {"epochs", "0"}},
    {"ARangeThatLeavesTheLegalOne",
     kStudy + "[space]\ndropout = { float = [0, 1.5] }\n",
     "5:21",
     {"space.dropout.float yields", "1.5"}},
    {"AFloatRangeOfWholeNumbers",
     kStudy + "[space]\nbatch_size = { float = [16, 64] }\n",
     "5:24",
     {"yields", "whole number"}},
    {"ARangeWithEvenKernels",
     kStudy + "[space]\nkernel = { int = [3, 7] }\n",
     "5:18",
     {"yields", "kernel", "4", "odd"}},
    {"AListOfListsOfLists",
     kStudy + "[space]\nchannels = { choice = [[[1]]] }\n",
     "5:25",
     {"is a list"}},
};

const Fault kConditionFaults[] = {
    {"AConditionThatDoesNotParse",
     kStudy + "[space]\nmomentum = { float = [0, 0.9], when = \"dropout >\" }\n",
     "5:39",
     {"column 10", "expected"}},
    {"AConditionThatIsNoText",
     kStudy + "[space]\nmomentum = { float = [0, 0.9], when = true }\n",
     "5:39",
     {"when is true", "text in quotes"}},
    {"AConditionOnAnUnknownParameter",
     kStudy + "[space]\noptimizer = { choice = [\"sgd\", \"momentum\"] }\n"
              "momentum = { float = [0, 0.9], when = \"optimiser == 'momentum'\" }\n",
     "6:39",
     {"\"optimiser\"", "\"optimizer\"?"}},
    {"AConditionOnALaterParameter",
     kStudy + "[space]\nmomentum = { float = [0, 0.9], when = \"optimizer == 'momentum'\" }\n"
              "optimizer = { choice = [\"sgd\", \"momentum\"] }\n",
     "5:39",
     {"\"optimizer\"", "not defined before", "move \"optimizer\" up"}},
    {"AConditionOnItself",
     kStudy + "[space]\nmomentum = { float = [0, 0.9], when = \"momentum > 0\" }\n",
     "5:39",
     {"not defined before"}},
    {"AGridThatDependsOnASampledParameter",
     kStudy + "[space]\ndropout = { float = [0, 0.9] }\n"
              "pool = { grid = [1, 2], when = \"dropout > 0.5\" }\n",
     "6:32",
     {"sampled"}},
};

const Fault kTrainerFaults[] = {
    {"AMistypedOption", kStudy + "[trainer]\nepoch = 3\n", "5:1", {"\"epoch\"", "\"epochs\"?"}},
    {"AnOptionOfTheWrongType", kStudy + "[trainer]\nepochs = \"ten\"\n", "5:10", {"whole number"}},
    {"AnOptionOutOfRange", kStudy + "[trainer]\ndropout = 1\n", "5:11", {"dropout is 1"}},
    {"AnOptionThatIsATable", kStudy + "[trainer]\nepochs = { int = [1, 2] }\n", "5:10", {"table"}},
    {"ABadEntryOfAList", kStudy + "[trainer]\nchannels = [32, 0]\n", "5:17", {"channels", "0"}},
    {"AnUnknownDataSet",
     kStudy + "[trainer]\ndataset = [\"gestures\", \"mnist\"]\n",
     "5:24",
     {"mnist", "fashion-mnist"}},
    {"AnEmptyList", kStudy + "[trainer]\nchannels = []\n", "5:12", {"channels is empty"}},
    {"AnOptionThatIsAlsoAParameter",
     kStudy + "[space]\nepochs = { int = [1, 8] }\n[trainer]\nepochs = 3\n",
     "5:1",
     {"\"epochs\"", "folder/study.toml:7:10", "remove one"}},
    {"ADeviceThatTheBackendHasNot",
     kStudy + "[trainer]\ndevice = \"cuda\"\nprecision = \"bf16\"\n",
     "5:10",
     {"native backend computes on the processor"}},
    {"APrecisionThatTheBackendHasNot",
     kStudy + "[trainer]\nprecision = \"bf16\"\ndevice = \"cpu\"\nbackend = \"torch\"\n",
     "5:13",
     {"only the native backend offers"}},
    {"AGridOfPrecisionsThatTheBackendHasNot",
     kStudy +
         "[trainer]\nbackend = \"torch\"\n[space]\nprecision = { grid = [\"f32\", \"bf16\"] }\n",
     "7:13",
     {"only the native backend offers"}},
};

/// A claim on lines 9 to 12, after a space and a plan on lines 4 to 8.
std::string claim(const std::string& estimate, const std::string& expect = "> 0",
                  const std::string& paired = "true") {
  return kStudy + fmt::format(
                      "[space]\n"
                      "batch_norm = {{ grid = [true, false] }}\n"
                      "dropout = {{ float = [0, 0.5] }}\n"
                      "[tune]\npaired = {}\n"
                      "[[experiment.claims]]\n"
                      "text = \"t\"\n"
                      "estimate = {}\n"
                      "expect = \"{}\"\n",
                      paired, estimate, expect);
}

const Fault kClaimFaults[] = {
    {"AnUnknownMetricOfAMean",
     claim("{ mean = \"accuracy\" }"),
     "11:21",
     {"unknown metric \"accuracy\"", "val_accuracy"}},
    {"AShareOfAnUnknownName",
     claim("{ share = \"colapsed\" }"),
     "11:22",
     {"\"colapsed\"", "\"collapsed\"?"}},
    {"AWhereWithAnUnknownName",
     claim("{ mean = \"val_loss\", where = \"drop > 0\" }"),
     "11:41",
     {"\"drop\"", "no metric and no parameter"}},
    {"AWhereThatDoesNotParse",
     claim("{ mean = \"val_loss\", where = \"dropout = 0\" }"),
     "11:41",
     {"written =="}},
    {"AnEstimateOfNothing", claim("{ where = \"batch_norm\" }"), "11:12", {"mean, share"}},
    {"AnEstimateThatIsText", claim("\"val_loss\""), "11:12", {"must be a table"}},
    {"TwoEstimates",
     claim("{ mean = \"val_loss\", share = \"collapsed\" }"),
     "11:33",
     {"both mean and share"}},
    {"AMistypedEstimate", claim("{ means = \"val_loss\" }"), "11:14", {"\"mean\"?"}},
    {"ADifferenceBetweenNothing", claim("{ difference = \"val_loss\" }"), "11:12", {"between ="}},
    {"ADifferenceBetweenAnUnknownParameter",
     claim("{ difference = \"val_loss\", between = \"batchnorm\" }"),
     "11:49",
     {"no parameter \"batchnorm\"", "\"batch_norm\"?"}},
    {"ADifferenceBetweenSampledValues",
     claim("{ difference = \"val_loss\", between = \"dropout\" }"),
     "11:49",
     {"not a grid axis of two values"}},
    {"ADifferenceWithoutPairs",
     claim("{ difference = \"val_loss\", between = \"batch_norm\" }", "> 0", "false"),
     "11:49",
     {"paired = true"}},
    {"AMeanBetween",
     claim("{ mean = \"val_loss\", between = \"batch_norm\" }"),
     "11:33",
     {"between goes with difference"}},
    {"AnOnsetAlongNothing", claim("{ onset = \"collapsed\" }"), "11:12", {"along ="}},
    {"AnOnsetAlongAFlag",
     claim("{ onset = \"collapsed\", along = \"batch_norm\" }"),
     "11:43",
     {"not a range of numbers"}},
    {"AnExpectationWithoutComparison",
     claim("{ mean = \"val_loss\" }", "0.8"),
     "12:10",
     {">= 0.8"}},
    {"AClaimWithoutExpectation",
     kStudy + "[[experiment.claims]]\ntext = \"t\"\nestimate = { mean = \"val_loss\" }\n",
     "4:1",
     {"no \"expect\""}},
    {"AClaimWithoutText",
     kStudy + "[[experiment.claims]]\nestimate = { mean = \"val_loss\" }\nexpect = \"> 0\"\n",
     "4:1",
     {"no \"text\""}},
    {"AClaimOfBlanks",
     kStudy + "[[experiment.claims]]\ntext = \" \"\nestimate = { mean = \"val_loss\" }\n",
     "5:8",
     {"is empty"}},
    {"ClaimsThatAreNoList", kStudy + "[experiment]\nclaims = 1\n", "5:10", {"must be a list"}},
    {"AMistypedExperimentKey", kStudy + "[experiment]\ntitel = \"x\"\n", "5:1", {"\"title\"?"}},
};

INSTANTIATE_TEST_SUITE_P(File, Faults, testing::ValuesIn(kFileFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Study, Faults, testing::ValuesIn(kStudyFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Run, Faults, testing::ValuesIn(kRunFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Space, Faults, testing::ValuesIn(kSpaceFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Conditions, Faults, testing::ValuesIn(kConditionFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Trainer, Faults, testing::ValuesIn(kTrainerFaults), title_of);
INSTANTIATE_TEST_SUITE_P(Claims, Faults, testing::ValuesIn(kClaimFaults), title_of);

TEST(DataFaults, AnOptionOfTheDataIsNoParameter) {
  for (const std::string parameter :
       {"dataset = { grid = [\"gestures\", \"fashion-mnist\"] }", "split = \"by-user\"",
        "validation_share = { float = [0.1, 0.3] }", "max_samples = { int = [1, 9] }",
        "model = \"cnn\""}) {
    const std::string name = parameter.substr(0, parameter.find(' '));
    EXPECT_THAT(fault_of(kStudy + "[space]\npool = 2\n" + parameter + "\n"),
                AllOf(StartsWith("folder/study.toml:6:1: "), HasSubstr("\"" + name + "\""),
                      HasSubstr(name + " belongs into [trainer]"),
                      HasSubstr("all trials of a study share it")));
  }
}

TEST(OverrideFaults, AreRefusedWithTheOverrideInPlaceOfTheLine) {
  const auto expect = [](const std::string& line, const std::vector<std::string>& words) {
    const std::string message = fault_of(kStudy, {line});
    EXPECT_THAT(message, StartsWith("--set " + line + ": "));
    for (const std::string& word : words) EXPECT_THAT(message, HasSubstr(word));
  };
  expect("tune.workers=x", {"the text \"x\"", "whole number"});
  expect("tune.worker=2", {"unknown key \"worker\" in tune", "\"workers\"?"});
  expect("tun.workers=2", {"unknown section \"tun\"", "\"tune\"?"});
  expect("trainer.epochs=0", {"epochs"});
  expect("study.name=a/b", {"slash"});
  expect("study.name.x=1", {"\"name\" is not a table"});
  expect("study=1", {"study is 1", "a table"});
  expect("space.learning_rate={float=[0.1, 0.01]}", {"above high"});
  expect("space.learning_rate={float=[0.1,", {"not TOML"});
  expect("tune.workers=\"2", {"not TOML"});
  expect("tune.workers=1\n[tune]\npaired=true", {"the text \"1\n[tune]"});
  expect("tune.workers", {"section.key=value"});
  expect("=1", {"section.key=value"});
  expect("tune..workers=1", {"section.key=value"});
  expect(".=1", {"section.key=value"});
  expect("tune workers=1", {"section.key=value"});
  expect("", {"section.key=value"});
}

TEST(OverrideFaults, OfAFileThatLacksARequiredKeyNameTheFile) {
  EXPECT_THAT(fault_of("", {"tune.workers=2"}), StartsWith("folder/study.toml:1:1: "));
}

TEST(FileFaults, NameTheFileThatCannotBeRead) {
  try {
    load_study_file("no-such-folder/study.toml");
    FAIL() << "a missing file was read";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no-such-folder/study.toml"));
  }
  EXPECT_THROW(load_study_file("."), ConfigError);
}

TEST(FileFaults, IncludeTextThatIsNotUtf8) {
  EXPECT_THAT(fault_of("[study]\nname = \"\xff\"\n"), HasSubstr("study.toml:2:"));
}

// A dotted key of n parts is n tables deep: unlimited, it would exhaust the stack.
TEST(FileFaults, IncludeFilesTooLargeToBeStudyFiles) {
  std::string deep = "a";
  while (deep.size() < 400'000) deep += ".a";
  EXPECT_THAT(fault_of(deep + " = 1\n"), HasSubstr("too many"));
  EXPECT_THAT(fault_of(kStudy, {deep + "=1"}), HasSubstr("too many"));
  EXPECT_THAT(fault_of(deep.substr(0, 30'001) + " = 1\n"), HasSubstr("unknown section \"a\""));
}

}  // namespace
}  // namespace hypertune
