// Divides cores and GPUs among trials.
#include "exec/slots.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

std::vector<int> own_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// Those of CUDA_VISIBLE_DEVICES, else NVIDIA's devices of this machine.
std::vector<std::string> own_gpus() {
  std::vector<std::string> gpus;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    for (const std::string& id : split(visible, ',')) {
      if (!trim(id).empty()) gpus.emplace_back(trim(id));
    }
    return gpus;
  }
  std::error_code error;
  for (int i = 0; std::filesystem::exists(fmt::format("/dev/nvidia{}", i), error); ++i) {
    gpus.push_back(std::to_string(i));
  }
  return gpus;
}

void require(int workers, int each, std::size_t there, std::string_view what,
             std::string_view remedy) {
  const std::size_t needed = static_cast<std::size_t>(workers) * static_cast<std::size_t>(each);
  if (needed <= there) return;
  throw ConfigError(
      fmt::format("[command] {0} = {1} with {2} needs {3} {0}, and {4} can be used "
                  "here; lower {0} or the number of workers{5}",
                  what, each, count_of(workers, "worker"), needed, there, remedy));
}

}  // namespace

Slots::Slots(const CommandOptions& options, int workers) {
  const std::vector<int> cpus = options.cpus > 0 ? own_cpus() : std::vector<int>();
  std::vector<std::string> gpus = options.gpu_ids;
  if (options.gpus > 0 && gpus.empty()) gpus = own_gpus();
  require(workers, options.cpus, cpus.size(), "cpus", "");
  require(workers, options.gpus, gpus.size(), "gpus", ", or name them in gpu_ids");
  for (int i = workers - 1; i >= 0; --i) {  // the first slot is taken first
    Slot slot;
    for (int k = 0; k < options.cpus; ++k) slot.cpus.push_back(cpus[i * options.cpus + k]);
    for (int k = 0; k < options.gpus; ++k) slot.gpus.push_back(gpus[i * options.gpus + k]);
    free_.push_back(std::move(slot));
  }
}

Slots::Lease::Lease(Slots& slots) : slots_(slots) {
  std::unique_lock lock(slots_.mutex_);
  slots_.returned_.wait(lock, [&] { return !slots_.free_.empty(); });
  slot_ = std::move(slots_.free_.back());
  slots_.free_.pop_back();
}

Slots::Lease::~Lease() {
  {
    const std::scoped_lock lock(slots_.mutex_);
    slots_.free_.push_back(std::move(slot_));
  }
  slots_.returned_.notify_one();
}

}  // namespace hypertune
