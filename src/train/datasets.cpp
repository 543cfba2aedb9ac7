// Data sets: the table of those that are known, and the search for their files.
#include "train/datasets.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <system_error>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "train/download.h"
#include "train/gzip.h"

namespace hypertune {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGesturesSha256 =
    "4a6c5ac1d408f8405d456e0404b424b905ea49425c663fb08f0c3ab341efd32d";
constexpr FashionChecksums kFashionSha256 = {
    .images = "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    .labels = "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"};
constexpr std::int64_t kMaxDownload = 100'000'000;
constexpr std::size_t kMaxUnpacked = 200'000'000;

/// A file of a data set, relative to the folder where it is found.
struct File {
  std::string path;
  std::string url;
  std::string_view sha256;  ///< of the file; for a name that ends in .gz, of what is packed in it
};

struct Source {
  std::string name;
  std::string description;
  std::string how_to_get;
  std::vector<File> files;
  std::function<Dataset(const fs::path& folder, const Selection&)> read;
};

const std::vector<Source>& sources() {
  static const std::string fashion_url =
      "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/";
  static const std::vector<Source> all = {
      {.name = "gestures",
       .description = "SmartWatch gestures: 3,251 accelerometer sequences, 20 gestures, 8 users",
       .how_to_get = "put gestures-dataset.zip into a folder that HYPERTUNE_DATA_PATH names",
       .files = {{"gestures-dataset.zip",
                  "https://github.com/raoulg/gestures/raw/main/gestures-dataset.zip",
                  kGesturesSha256}},
       .read =
           [](const fs::path& folder, const Selection& selection) {
             return read_gestures(folder / "gestures-dataset.zip", kGesturesSha256, selection);
           }},
      {.name = "fashion-mnist",
       .description =
           "Fashion-MNIST: 60,000 images of clothes, reduced to 14 x 14 pixels, 10 classes",
       .how_to_get = "install the Debian package dataset-fashion-mnist",
       .files = {{"fashion-mnist/train-images-idx3-ubyte.gz",
                  fashion_url + "train-images-idx3-ubyte.gz", kFashionSha256.images},
                 {"fashion-mnist/train-labels-idx1-ubyte.gz",
                  fashion_url + "train-labels-idx1-ubyte.gz", kFashionSha256.labels}},
       .read =
           [](const fs::path& folder, const Selection& selection) {
             const fs::path at = folder / "fashion-mnist";
             return read_fashion_mnist(at / "train-images-idx3-ubyte.gz",
                                       at / "train-labels-idx1-ubyte.gz", kFashionSha256,
                                       selection);
           }},
  };
  return all;
}

const Source& source(std::string_view name) {
  for (const Source& source : sources())
    if (source.name == name) return source;
  const std::vector<std::string> names = dataset_names();
  throw ConfigError(fmt::format("there is no data set \"{}\"{}; the data sets are {}", name,
                                did_you_mean(name, names), join(names, ", ")));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Empty when the user has no home.
fs::path cache_folder() {
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "hypertune";
  if (const std::string home = variable("HOME"); !home.empty())
    return fs::path(home) / ".cache" / "hypertune";
  return {};
}

std::vector<fs::path> search_path() {
  std::vector<fs::path> folders;
  for (const std::string& folder : split(variable("HYPERTUNE_DATA_PATH"), ':'))
    if (!folder.empty()) folders.emplace_back(folder);
  folders.emplace_back("/usr/share/datasets");
  folders.emplace_back("/usr/local/share/hypertune");
  if (const fs::path cache = cache_folder(); !cache.empty()) folders.push_back(cache);
  return folders;
}

std::optional<fs::path> find(const Source& source) {
  for (const fs::path& folder : search_path()) {
    const auto exists = [&](const File& file) {
      std::error_code error;
      return fs::exists(folder / file.path, error);
    };
    if (std::ranges::all_of(source.files, exists)) return folder;
  }
  return std::nullopt;
}

/// Checksum of what is downloaded as `file` and now lies at `place`. Throws Error.
std::string checksum(const File& file, const fs::path& place) {
  const bool packed = file.path.ends_with(".gz");
  return sha256(packed ? read_gzip(place, kMaxUnpacked) : read_file(place));
}

/// Downloads one file beside its place, verifies it and moves it there. Returns why it failed.
std::optional<std::string> fetch(const File& file, const fs::path& folder,
                                 const DownloadProgress& progress) {
  const fs::path place = folder / file.path;
  const fs::path temporary = fmt::format("{}.{}.part", place.string(), ::getpid());
  remove_stale_parts(place.parent_path());
  if (auto problem = download(file.url, temporary, kMaxDownload, progress)) return problem;
  std::error_code error;
  std::optional<std::string> problem;
  try {
    const std::string actual = checksum(file, temporary);
    if (actual == file.sha256) {
      fs::rename(temporary, place, error);
      if (error) problem = fmt::format("cannot write {}: {}", place.string(), error.message());
    } else {
      problem = fmt::format("what {} gave has the SHA-256 {} instead of {}", file.url, actual,
                            file.sha256);
    }
  } catch (const Error& fault) {
    problem = fault.what();
  }
  fs::remove(temporary, error);
  return problem;
}

/// The folder that holds the data set, or why it cannot be had.
struct Search {
  std::optional<fs::path> folder;
  std::string problem;
};

Search find_or_download(const Source& source, const DownloadProgress& progress) {
  if (auto folder = find(source)) return {folder, {}};
  const fs::path cache = cache_folder();
  const auto missing = [&](const std::string& why) {
    return Search{std::nullopt, fmt::format("{} is not on this machine and {}", source.name, why)};
  };
  if (!variable("HYPERTUNE_OFFLINE").empty())
    return missing("HYPERTUNE_OFFLINE forbids downloading it");
  if (cache.empty()) return missing("without HOME there is no cache to download it to");
  for (const File& file : source.files) {
    std::error_code error;
    fs::create_directories((cache / file.path).parent_path(), error);
    if (error) return missing(fmt::format("cannot create {}: {}", cache.string(), error.message()));
    if (fs::exists(cache / file.path, error)) continue;
    if (const auto problem = fetch(file, cache, progress)) return missing(*problem);
  }
  return {cache, {}};
}

fs::path folder_of(const Source& source, const DownloadProgress& progress) {
  Search search = find_or_download(source, progress);
  if (search.folder) return *std::move(search.folder);
  throw DataError(fmt::format("data set {}; {}", search.problem, source.how_to_get));
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const Source& source : sources()) names.push_back(source.name);
  return names;
}

DatasetInfo dataset_info(std::string_view name) {
  const Source& known = source(name);
  DatasetInfo info{known.name, known.description, std::nullopt, known.how_to_get};
  if (const auto folder = find(known)) {
    const fs::path first = *folder / known.files.front().path;
    info.found = known.files.size() == 1 ? first : first.parent_path();
  }
  return info;
}

std::filesystem::path fetch_dataset(std::string_view name, const DownloadProgress& progress) {
  const Source& known = source(name);
  fs::path folder = folder_of(known, progress);
  for (const File& file : known.files) {
    const fs::path place = folder / file.path;
    std::string actual;
    try {
      actual = checksum(file, place);
    } catch (const Error& fault) {
      throw DataError(fault.what());
    }
    verify_sha256(place, actual, file.sha256);
  }
  return folder;
}

Dataset load_dataset(std::string_view name, const Selection& selection,
                     const DownloadProgress& progress) {
  const Source& known = source(name);
  return known.read(folder_of(known, progress), selection);  // which verifies what it reads
}

ChosenDataset load_first_dataset(const std::vector<std::string>& wanted, const Selection& selection,
                                 const DownloadProgress& progress) {
  std::vector<std::string> problems;
  std::vector<std::string> remedies;
  for (const std::string& name : wanted) {
    const Source& known = source(name);
    const Search search = find_or_download(known, progress);
    if (search.folder) return {known.read(*search.folder, selection), join(problems, "; ")};
    problems.push_back(search.problem);
    remedies.push_back(known.how_to_get);
  }
  throw DataError(fmt::format("no data set: {}. To mend it, {}", join(problems, "; "),
                              join(remedies, ", or ")));
}

void verify_sha256(const fs::path& file, std::string_view actual, std::string_view expected) {
  if (expected.empty() || actual == expected) return;
  throw DataError(
      fmt::format("{}: damaged, or another version of the data: its SHA-256 is {}, expected {}; "
                  "replace the file, or remove it to have it downloaded",
                  file.string(), actual, expected));
}

}  // namespace hypertune
