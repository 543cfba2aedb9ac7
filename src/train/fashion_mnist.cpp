// Fashion-MNIST: images and labels in the IDX format of MNIST, packed with gzip. Images are reduced
// to half their size and a subset is the default, so that a study of twenty networks takes well
// under a minute on two cores; as many full-size images as fit into that time teach less.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/sha256.h"
#include "hypertune/error.h"
#include "train/datasets.h"
#include "train/gzip.h"
#include "train/split.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxBytes = 200'000'000;
constexpr std::uint32_t kImagesMagic = 0x803;  ///< unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x801;  ///< unsigned bytes, one dimension
constexpr std::int64_t kDefaultSamples = 3000;
constexpr std::array kClasses = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                 "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

/// An array of bytes with its dimensions.
struct Idx {
  std::vector<std::int64_t> sizes;
  std::string bytes;  ///< the whole file; the array is its end
  std::size_t offset = 0;
  std::string sha256;

  unsigned char at(std::int64_t i) const {
    return static_cast<unsigned char>(bytes[offset + static_cast<std::size_t>(i)]);
  }
};

std::uint32_t big_endian(const std::string& bytes, std::size_t offset) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number = number << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return number;
}

Idx read_idx(const std::filesystem::path& file, std::uint32_t magic,
             std::string_view expected_sha256) {
  const auto damaged = [&](const std::string& what) {
    throw DataError(fmt::format("{}: {}; replace the file", file.string(), what));
  };
  Idx idx{.sizes = {}, .bytes = read_gzip(file, kMaxBytes), .sha256 = {}};
  const std::size_t dimensions = magic & 0xFF;
  idx.offset = 4 + 4 * dimensions;
  if (idx.bytes.size() < idx.offset) damaged("too short for an IDX file");
  if (big_endian(idx.bytes, 0) != magic)
    damaged(fmt::format("begins with {:#x} instead of {:#x}", big_endian(idx.bytes, 0), magic));
  std::int64_t count = 1;
  for (std::size_t i = 0; i < dimensions; ++i) {
    idx.sizes.push_back(big_endian(idx.bytes, 4 + 4 * i));
    // Sides of one pixel could not be halved.
    if (idx.sizes.back() < (i == 0 ? 1 : 2) ||
        idx.sizes.back() > static_cast<std::int64_t>(kMaxBytes) / count)
      damaged(fmt::format("impossible size {}", idx.sizes.back()));
    count *= idx.sizes.back();
  }
  if (static_cast<std::int64_t>(idx.bytes.size() - idx.offset) != count)
    damaged(fmt::format("holds {} values instead of {}", idx.bytes.size() - idx.offset, count));
  idx.sha256 = sha256(idx.bytes);
  verify_sha256(file, idx.sha256, expected_sha256);
  return idx;
}

/// Appends image `i` at half its size.
void append_reduced(const Idx& images, std::int64_t i, std::vector<float>& values) {
  const std::int64_t height = images.sizes[1];
  const std::int64_t width = images.sizes[2];
  for (std::int64_t y = 0; y + 1 < height; y += 2) {
    for (std::int64_t x = 0; x + 1 < width; x += 2) {
      const std::int64_t at = (i * height + y) * width + x;
      const int sum =
          images.at(at) + images.at(at + 1) + images.at(at + width) + images.at(at + width + 1);
      values.push_back(static_cast<float>(sum) / (4 * 255.0F));
    }
  }
}

}  // namespace

Dataset read_fashion_mnist(const std::filesystem::path& images_file,
                           const std::filesystem::path& labels_file,
                           const FashionChecksums& expected, const Selection& selection) {
  const Idx images = read_idx(images_file, kImagesMagic, expected.images);
  const Idx labels = read_idx(labels_file, kLabelsMagic, expected.labels);
  const std::int64_t total = images.sizes[0];
  if (labels.sizes[0] != total) {
    throw DataError(fmt::format("{}: {} labels for the {} images in {}; replace the files",
                                labels_file.string(), labels.sizes[0], total,
                                images_file.string()));
  }
  Dataset data;
  data.name = "fashion-mnist";
  data.sha256 = images.sha256;
  data.source = "https://github.com/zalandoresearch/fashion-mnist";
  data.citation =
      "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking "
      "machine learning algorithms, arXiv:1708.07747, 2017";
  data.shape = {.height = images.sizes[1] / 2, .width = images.sizes[2] / 2, .channels = 1};
  data.classes.assign(kClasses.begin(), kClasses.end());

  const std::int64_t wanted = selection.max_samples > 0 ? selection.max_samples : kDefaultSamples;
  std::vector<std::int64_t> chosen =
      random_subset(total, std::min(total, wanted), selection.seed, "subset");
  std::ranges::sort(chosen);
  data.note = fmt::format(
      "pixels in [0, 1], images reduced to {} x {} by averaging 2 x 2 pixels; random subset of {} "
      "of the {} training images",
      data.shape.height, data.shape.width, chosen.size(), total);
  data.values.reserve(chosen.size() * static_cast<std::size_t>(data.shape.size()));
  for (const std::int64_t i : chosen) {
    append_reduced(images, i, data.values);
    const int label = labels.at(i);
    if (label >= static_cast<int>(kClasses.size()))
      throw DataError(fmt::format("{}: label {} of image {} is not one of 0 to 9; replace the file",
                                  labels_file.string(), label, i));
    data.labels.push_back(label);
  }
  return data;
}

}  // namespace hypertune
