// A script that starts servers for a test, obeys commands line by line, and ends with the test.
#pragma once

#include <string>
#include <vector>

#include "base/process.h"

namespace hypertune::testing_support {

class ObedientProgram {
 public:
  /// Starts it and reads its first line: what it offers, or `skipped: ` and why it cannot.
  explicit ObedientProgram(std::vector<std::string> argv);
  /// Closes its input and waits for its end.
  ~ObedientProgram();
  ObedientProgram(const ObedientProgram&) = delete;
  ObedientProgram& operator=(const ObedientProgram&) = delete;

  const std::string& first_line() const { return first_line_; }
  bool skipped() const { return first_line_.starts_with("skipped"); }
  /// Its answer. Throws Error when it has ended.
  std::string tell(const std::string& command);

 private:
  std::string read_line();

  FileDescriptor to_;
  FileDescriptor from_;
  std::string unread_;
  std::optional<Process> process_;
  std::string first_line_;
};

}  // namespace hypertune::testing_support
