// Data sets: where they are found, how they are fetched, and what they hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/trainer.h"

namespace hypertune {

/// Size of one sample. A sequence has height 1 and its time steps as width.
struct SampleShape {
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t channels = 1;
  std::int64_t size() const { return height * width * channels; }
  bool operator==(const SampleShape&) const = default;
};

/// Labeled samples, in memory.
struct Dataset {
  std::string name;
  std::string sha256;    ///< of the archive; of the unpacked images for several files
  std::string source;    ///< where it is published
  std::string citation;  ///< whom to cite
  std::string note;      ///< how the samples were prepared
  SampleShape shape;
  std::vector<std::string> classes;  ///< names, by label
  std::vector<std::string> users;    ///< names, by number; empty when the data set has none
  std::vector<float> values;         ///< [samples, height, width, channels]
  std::vector<int> labels;           ///< [samples]
  std::vector<int> user_of;          ///< [samples]; empty when the data set has no users

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  const float* sample(std::int64_t i) const { return values.data() + i * shape.size(); }
};

/// Which samples to load: a random subset of at most `max_samples`, drawn by `seed`.
struct Selection {
  std::int64_t max_samples = 0;  ///< 0: the data set's default
  std::uint64_t seed = 0;
};
constexpr std::int64_t kAllSamples = std::numeric_limits<std::int64_t>::max();

/// What is known about a data set before it is loaded.
struct DatasetInfo {
  std::string name;
  std::string description;
  std::optional<std::filesystem::path> found;  ///< its file or folder; nothing: not on this machine
  std::string how_to_get;                      ///< what to do when it was not found
};

std::vector<std::string> dataset_names();

/// Throws ConfigError for an unknown name.
DatasetInfo dataset_info(std::string_view name);

/// The folder that holds the files of the data set: looked for in the directories of
/// HYPERTUNE_DATA_PATH, the system's folders and the user's cache, then downloaded into the cache.
/// With HYPERTUNE_OFFLINE set, nothing is downloaded. Checksums are verified wherever the files
/// are. Throws DataError.
std::filesystem::path fetch_dataset(std::string_view name, const DownloadProgress& progress = {});

/// Fetches and parses. Throws DataError, which names file and line of a fault.
Dataset load_dataset(std::string_view name, const Selection& selection = {},
                     const DownloadProgress& progress = {});

struct ChosenDataset {
  Dataset data;
  std::string fallback_reason;  ///< why earlier ones could not be had; empty for the first
};

/// The first data set of `wanted` that can be had. One that is here but damaged is an error, not a
/// reason to take the next. Throws DataError.
ChosenDataset load_first_dataset(const std::vector<std::string>& wanted, const Selection& selection,
                                 const DownloadProgress& progress = {});

/// Reads an archive of the SmartWatch gestures: `.../Uxx/gg/rr.txt`, one sequence each, which is
/// filled up with zeros to the length of the longest. `expected_sha256` empty: any archive will do.
/// Throws DataError.
Dataset read_gestures(const std::filesystem::path& zip, std::string_view expected_sha256,
                      const Selection& selection = {});

/// Checksums of the unpacked files, or empty: any will do.
struct FashionChecksums {
  std::string_view images;
  std::string_view labels;
};

/// Reads images and labels (IDX format, gzip). Throws DataError.
Dataset read_fashion_mnist(const std::filesystem::path& images, const std::filesystem::path& labels,
                           const FashionChecksums& expected, const Selection& selection = {});

/// `count` of the numbers 0..n-1 in random order, drawn by the generator of (seed, purpose).
/// Requires count <= n.
std::vector<std::int64_t> random_subset(std::int64_t n, std::int64_t count, std::uint64_t seed,
                                        std::string_view purpose);

/// Throws DataError unless `expected` is empty or the checksum of the file's content.
void verify_sha256(const std::filesystem::path& file, std::string_view actual,
                   std::string_view expected);

}  // namespace hypertune
