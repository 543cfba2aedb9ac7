// Real processes: what they are given, how they end, and what is left of them.
#include "base/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stop_token>

#include "base/files.h"
#include "hypertune/error.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::TemporaryFolder;
using namespace std::chrono_literals;

constexpr auto kLong = 60s;

ProgramResult shell(const std::string& script, ProcessOptions options = {},
                    std::string_view input = "") {
  options.argv = {"sh", "-c", script};
  return run_program(options, input, kLong);
}

std::string fault_of(const ProcessOptions& options) {
  try {
    Process process(options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(Process, GetsItsArgumentsInputAndEnvironmentWithoutAShell) {
  const ProgramResult result =
      run_program({.argv = {"printf", "%s|%s", "a b", "$(c)*"}}, "", kLong);
  EXPECT_EQ(result.output, "a b|$(c)*");
  EXPECT_TRUE(result.end.good());
  ::setenv("HYPERTUNE_TEST_SECRET", "s", 1);
  EXPECT_EQ(shell("cat; echo $A-$HYPERTUNE_TEST_SECRET-",
                  {.environment = {{"A", "1"}}, .withheld = {"HYPERTUNE_TEST_SECRET"}}, "in ")
                .output,
            "in 1--\n");
  ::unsetenv("HYPERTUNE_TEST_SECRET");
}

TEST(Process, TakesMoreInputAndOutputThanAPipeHolds) {
  const std::string text(1'000'000, 'x');
  EXPECT_EQ(shell("cat", {}, text).output, text);
  EXPECT_TRUE(shell("exec <&-; exit 0", {}, text).end.good()) << "it need not read its input";
}

TEST(Process, StartsInItsFolderWithinItsLimitsOnItsCores) {
  const TemporaryFolder folder;
  EXPECT_EQ(shell("pwd -P", {.working_directory = folder.path()}).output,
            std::filesystem::canonical(folder.path()).string() + "\n");
  EXPECT_EQ(shell("ulimit -v; ulimit -c", {.limits = {{RLIMIT_AS, 1ULL << 30}}}).output,
            "1048576\n0\n");
  cpu_set_t set;
  CPU_ZERO(&set);
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  int first = 0;
  while (!CPU_ISSET(first, &set)) ++first;
  EXPECT_THAT(shell("grep Cpus_allowed_list /proc/self/status", {.cpus = {first}}).output,
              ::testing::EndsWith("\t" + std::to_string(first) + "\n"));
}

TEST(Process, HasNoDescriptorsButThoseThatItIsGiven) {
  const FileDescriptor stray(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const FileDescriptor given(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const ProgramResult result = shell("ls -l /proc/$$/fd | grep -c '/dev/'; readlink /proc/$$/fd/7",
                                     {.descriptors = {{7, given.number()}}});
  EXPECT_EQ(result.output, "1\n/dev/zero\n");
}

TEST(Process, MayBeGivenDescriptorsInAnyOrder) {
  Pipe a = open_pipe();
  Pipe b = open_pipe();
  // Each wants the other's number.
  const ProgramResult result = shell("echo a >&" + std::to_string(b.write.number()) +
                                         "; echo b >&" + std::to_string(a.write.number()),
                                     {.descriptors = {{b.write.number(), a.write.number()},
                                                      {a.write.number(), b.write.number()}}});
  ASSERT_TRUE(result.end.good()) << result.errors;
  char letter = 0;
  ASSERT_EQ(::read(a.read.number(), &letter, 1), 1);
  EXPECT_EQ(letter, 'a');
  ASSERT_EQ(::read(b.read.number(), &letter, 1), 1);
  EXPECT_EQ(letter, 'b');
}

TEST(Process, SaysHowItEnded) {
  EXPECT_EQ(to_string(shell("exit 3").end), "exit code 3");
  EXPECT_EQ(to_string(shell("kill -SEGV $$").end), "signal 11 (Segmentation fault)");
}

TEST(Process, ThatCannotBeStartedSaysWhy) {
  const TemporaryFolder folder;
  EXPECT_THAT(fault_of({.argv = {"no-such-program-anywhere"}}), HasSubstr("PATH"));
  EXPECT_THAT(fault_of({.argv = {folder / "none"}}), HasSubstr("no such file"));
  EXPECT_THAT(fault_of({.argv = {}}), HasSubstr("name"));
  write_file(folder / "text", "echo hello\n");
  EXPECT_THAT(fault_of({.argv = {folder / "text"}}), HasSubstr("chmod +x"));
  std::filesystem::permissions(folder / "text", std::filesystem::perms::owner_all);
  EXPECT_THAT(fault_of({.argv = {folder / "text"}}), HasSubstr("#!"));
  EXPECT_THAT(fault_of({.argv = {"true"}, .working_directory = folder / "none"}),
              HasSubstr("in the folder"));
  EXPECT_THAT(fault_of({.argv = {"true", std::string("a\0b", 3)}}), HasSubstr("NUL"));
}

TEST(Process, IsKilledWithAllThatItStartedWhenItsOwnerGoes) {
  const Pipe pipe = open_pipe();
  {
    Pipe ready = open_pipe();
    ProcessOptions options{.argv = {"sh", "-c", "trap '' TERM; sleep 1000 & echo; wait"},
                           .descriptors = {{1, ready.write.number()}, {3, pipe.write.number()}}};
    const Process process(options);
    char byte = 0;
    ASSERT_EQ(::read(ready.read.number(), &byte, 1), 1);
  }
  // The other end is held by nobody else any more.
  const_cast<FileDescriptor&>(pipe.write).close();
  pollfd watched{pipe.read.number(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 60'000), 1) << "a process is left";
}

TEST(Process, ThatEndsTakesItsGroupWithIt) {
  Pipe pipe = open_pipe();
  Process process(
      {.argv = {"sh", "-c", "sleep 1000 & exit 5"}, .descriptors = {{3, pipe.write.number()}}});
  pipe.write.close();
  EXPECT_EQ(process.wait().exit_code, 5);
  pollfd watched{pipe.read.number(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 60'000), 1) << "the grandchild is left";
}

TEST(Process, CanBeAskedAndSignalledWhileItRuns) {
  Process process({.argv = {"sleep", "1000"}});
  EXPECT_FALSE(process.ended());
  EXPECT_FALSE(process.wait_until(std::chrono::steady_clock::now()));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().signal, SIGTERM);
  EXPECT_EQ(process.ended()->signal, SIGTERM);
  process.signal(SIGTERM);  // nobody is there any more
}

TEST(Process, HasDefaultSignalsWhateverIsBlockedHere) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Process process({.argv = {"sleep", "1000"}});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().signal, SIGINT);
}

TEST(RunProgram, EndsWhatTakesTooLongAndWaitsForNoDaemon) {
  const ProgramResult late = run_program({.argv = {"sleep", "1000"}}, "", 50ms);
  EXPECT_TRUE(late.timed_out);
  EXPECT_EQ(late.end.signal, SIGKILL);
  const ProgramResult daemon = shell("setsid sleep 3 & echo done");
  EXPECT_EQ(daemon.output, "done\n");
  EXPECT_FALSE(daemon.timed_out);
}

TEST(StopDescriptor, BecomesReadableWhenAStopIsRequested) {
  std::stop_source source;
  const StopDescriptor stopped(source.get_token());
  pollfd watched{stopped.number(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  source.request_stop();
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  const StopDescriptor late(source.get_token());
  watched.fd = late.number();
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
}

}  // namespace
}  // namespace hypertune
