// Arguments of a program with places for values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/value.h"

namespace hypertune {

/// What a trial is beside its parameters, as `{trial}` and the like.
struct TrialFacts {
  std::string study;
  int number = 0;
  int attempt = 1;
  std::uint64_t seed = 0;
  std::string trial_dir;
  std::string checkpoint_dir;
};

/// The names that stand for what a trial is; no parameter can have one of them.
const std::vector<std::string>& reserved_names();

/// Program and arguments as a study file writes them.
class ArgumentTemplate {
 public:
  /// Throws ConfigError for unbalanced braces and for a program without a name.
  explicit ArgumentTemplate(const std::vector<std::string>& argv);

  /// A name between braces, and the argument where it stands (0: the program).
  struct Place {
    std::size_t argument;
    std::string name;
  };
  std::vector<Place> places() const;

  /// The arguments for a trial. One that names a parameter that the trial does not have is left
  /// out. Throws ConfigError for a value that would become an option (a text that begins an
  /// argument with '-'), a path elsewhere (a text with '/', or "..", in an argument that is a path:
  /// it holds a '/', a folder of the trial, or is the program), or that no argument can hold.
  std::vector<std::string> fill(const Params& params, const TrialFacts& facts) const;

  /// The same check for one value of a parameter.
  void check(std::string_view name, const Value& value) const;

 private:
  struct Piece {
    bool is_place;
    std::string text;
  };
  struct Argument {
    std::vector<Piece> pieces;
    bool is_path;
  };
  static Argument parse(const std::string& text, bool is_program);
  static void check(const Argument& argument, std::size_t piece, const Value& value);

  std::vector<Argument> arguments_;
};

}  // namespace hypertune
