// The LibTorch backend: a library of its own, loaded when it is first asked for.
#include "train/torch_backend.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLibrary = "hypertune_torch.so";
constexpr std::string_view kHowToMend =
    "install LibTorch (Debian: libtorch-dev) and build hypertune again, or set the trainer's "
    "backend to \"native\"";

/// The folder of the program or library that holds this code.
fs::path own_folder() {
  Dl_info info{};
  link_map* map = nullptr;
  const int found = ::dladdr1(reinterpret_cast<const void*>(&own_folder), &info,
                              reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
  HT_ASSERT(found != 0);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const bool in_program = map->l_name[0] == '\0';
  return (in_program ? program : fs::absolute(map->l_name, error)).parent_path();
}

std::vector<fs::path> places() {
  const char* named = std::getenv("HYPERTUNE_TORCH_BACKEND");
  if (named != nullptr && *named != '\0') return {named};
  const fs::path folder = own_folder();
  return {folder / kLibrary,                // where it was built
          folder / "hypertune" / kLibrary,  // installed, and this code is a library
          (folder / HYPERTUNE_LIBRARIES_FROM_PROGRAM / "hypertune" / kLibrary).lexically_normal()};
}

}  // namespace

const TorchBackend& load_torch_backend(std::span<const fs::path> files) {
  std::vector<std::string> looked_for;
  for (const fs::path& file : files) looked_for.push_back(file.string());
  const auto found = std::ranges::find_if(files, [](const fs::path& file) {
    std::error_code error;
    return fs::exists(file, error);
  });
  if (found == files.end()) {
    throw ConfigError(fmt::format("the LibTorch backend is not here (looked for {}): {}",
                                  join(looked_for, ", "), kHowToMend));
  }
  const fs::path file = fs::absolute(*found);  // a name without folder would be searched for
  // Never closed: LibTorch's threads and statics would not survive it.
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw ConfigError(fmt::format("the LibTorch backend {} cannot be loaded ({}): {}",
                                  file.string(), ::dlerror(), kHowToMend));
  }
  const auto* backend = static_cast<const TorchBackend*>(::dlsym(library, kTorchBackendSymbol));
  if (backend == nullptr) {
    throw ConfigError(fmt::format("{} is no LibTorch backend of hypertune", file.string()));
  }
  if (std::string_view(backend->hypertune_version) != HYPERTUNE_VERSION) {
    throw ConfigError(fmt::format(
        "the LibTorch backend {} belongs to hypertune {}, and this is {}: build or install both "
        "together, or set the trainer's backend to \"native\"",
        file.string(), backend->hypertune_version, HYPERTUNE_VERSION));
  }
  return *backend;
}

const TorchBackend& torch_backend() {
  static const TorchBackend& backend = load_torch_backend(places());
  return backend;
}

}  // namespace hypertune
