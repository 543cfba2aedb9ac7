// The one table of names of samplers and schedulers.
#include <fmt/format.h>

#include "base/text.h"
#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

template <typename T>
struct Row {
  std::string_view name;
  std::unique_ptr<T> (*make)();
};

constexpr Row<Sampler> kSamplers[] = {{"random", random_sampler}};
constexpr Row<Scheduler> kSchedulers[] = {{"fifo", fifo_scheduler}};

template <typename T, std::size_t n>
std::unique_ptr<T> make(const Row<T> (&rows)[n], std::string_view kind, const std::string& name) {
  std::vector<std::string> names;
  for (const Row<T>& row : rows) {
    if (row.name == name) return row.make();
    names.emplace_back(row.name);
  }
  throw ConfigError(fmt::format("there is no {} \"{}\"{} Known: {}", kind, shorten(name, 60),
                                did_you_mean(name, names).empty() ? "." : did_you_mean(name, names),
                                join(names, ", ")));
}

}  // namespace

std::unique_ptr<Sampler> make_sampler(const std::string& name) {
  return make(kSamplers, "sampler", name);
}

std::unique_ptr<Scheduler> make_scheduler(const std::string& name) {
  return make(kSchedulers, "scheduler", name);
}

}  // namespace hypertune
