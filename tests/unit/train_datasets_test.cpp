// Data sets: archives made by the tests, sound and damaged, and where data sets are looked for.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>

#include "base/files.h"
#include "base/sha256.h"
#include "hypertune/error.h"
#include "support/temporary_folder.h"
#include "train/datasets.h"
#include "train/download.h"
#include "train/gzip.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TemporaryFolder;
using Members = std::map<std::string, std::string>;

/// Sets a variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

void write_zip(const std::filesystem::path& file, const Members& members) {
  archive* out = ::archive_write_new();
  ::archive_write_set_format_zip(out);
  ASSERT_EQ(::archive_write_open_filename(out, file.c_str()), ARCHIVE_OK);
  for (const auto& [path, content] : members) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, path.c_str());
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0644);
    ASSERT_EQ(::archive_write_header(out, entry), ARCHIVE_OK);
    ::archive_write_data(out, content.data(), content.size());
    ::archive_entry_free(entry);
  }
  ::archive_write_close(out);
  ::archive_write_free(out);
}

void write_gzip(const std::filesystem::path& file, const std::string& content) {
  gzFile out = ::gzopen(file.c_str(), "wb");
  ASSERT_EQ(::gzwrite(out, content.data(), static_cast<unsigned>(content.size())),
            static_cast<int>(content.size()));
  ::gzclose(out);
}

std::string fault_of(const std::function<void()>& load) {
  try {
    load();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

const std::string kLine = "1384186054309 78952598976553 1452892000000 1.5 -0.25 10\n";

Members sound_members() {
  return {{"gestures-dataset/info.txt", "not a sequence\n"},
          {"__MACOSX/gestures-dataset/U01/01/._01.txt", "not a sequence\n"},
          {"gestures-dataset/U01/01/01.txt", kLine + kLine + kLine},
          {"gestures-dataset/U01/02/01.txt", kLine},
          {"gestures-dataset/U07/02/10.txt", "1 2 3 4 5 6\r\n\n7 8 9 1e1 -11 1.25e-1"}};
}

/// Reads an archive whose one sequence is `content`.
std::string fault_of_sequence(const std::string& content) {
  const TemporaryFolder folder;
  write_zip(folder / "g.zip", {{"gestures-dataset/U01/01/01.txt", content}});
  return fault_of([&] { read_gestures(folder / "g.zip", ""); });
}

TEST(Gestures, SequencesAreReadAndFilledUpWithZeros) {
  const TemporaryFolder folder;
  write_zip(folder / "g.zip", sound_members());
  const Dataset data = read_gestures(folder / "g.zip", "");
  EXPECT_EQ(data.size(), 3);
  EXPECT_EQ(data.shape, (SampleShape{.height = 1, .width = 3, .channels = 3}));
  EXPECT_THAT(data.classes, ElementsAre("01", "02"));
  EXPECT_THAT(data.users, ElementsAre("U01", "U07"));
  EXPECT_THAT(data.labels, ElementsAre(0, 1, 1));
  EXPECT_THAT(data.user_of, ElementsAre(0, 0, 1));
  EXPECT_THAT(std::vector<float>(data.sample(1), data.sample(2)),
              ElementsAre(1.5F, -0.25F, 10, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(std::vector<float>(data.sample(2), data.sample(2) + 9),
              ElementsAre(4, 5, 6, 10, -11, 0.125F, 0, 0, 0));
}

TEST(Gestures, ASubsetIsDrawnWhenAskedFor) {
  const TemporaryFolder folder;
  write_zip(folder / "g.zip", sound_members());
  const Dataset data = read_gestures(folder / "g.zip", "", {.max_samples = 2, .seed = 1});
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.shape.width, 3);
  EXPECT_THAT(data.note, HasSubstr("2 of 3"));
}

TEST(Gestures, TheChecksumIsVerified) {
  const TemporaryFolder folder;
  write_zip(folder / "g.zip", sound_members());
  const std::string actual = sha256(read_file(folder / "g.zip"));
  EXPECT_EQ(read_gestures(folder / "g.zip", actual).sha256, actual);
  const std::string expected(64, '0');
  EXPECT_THAT(fault_of([&] { read_gestures(folder / "g.zip", expected); }),
              AllOf(HasSubstr("g.zip"), HasSubstr(actual), HasSubstr(expected)));
}

TEST(Gestures, AFaultyLineIsNamedByMemberAndNumber) {
  const std::string place = "g.zip:gestures-dataset/U01/01/01.txt:2: ";
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 5\n"),
              HasSubstr(place + "5 numbers instead of 6"));
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 5 6 7\n"), HasSubstr(place + "more than 6"));
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 x 6\n"),
              HasSubstr(place + "\"x\" is not a number"));
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 5 6g\n"),
              HasSubstr(place + "\"6g\" is not a number"));
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 nan 6\n"), HasSubstr(place + "\"nan\""));
  EXPECT_THAT(fault_of_sequence(kLine + "1 2 3 4 5 1e999\n"), HasSubstr(place + "\"1e999\""));
  EXPECT_THAT(fault_of_sequence(kLine + std::string("\0\xff\n", 3)), HasSubstr(place));
}

TEST(Gestures, ASequenceWithoutSamplesIsRefused) {
  EXPECT_THAT(fault_of_sequence(""), HasSubstr("01.txt: empty"));
  EXPECT_THAT(fault_of_sequence("\n \r\n"), HasSubstr("01.txt: empty"));
}

TEST(Gestures, ASequenceOfImmenseSizeIsRefused) {
  EXPECT_THAT(fault_of_sequence(std::string(3 << 20, '1')), HasSubstr("larger than any sequence"));
}

TEST(Gestures, ATruncatedArchiveIsRefusedWhereverItEnds) {
  const TemporaryFolder folder;
  write_zip(folder / "whole.zip", sound_members());
  const std::string bytes = read_file(folder / "whole.zip");
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    write_file(folder / "part.zip", bytes.substr(0, size));
    EXPECT_THAT(fault_of([&] { read_gestures(folder / "part.zip", ""); }), HasSubstr("part.zip"))
        << size;
  }
}

TEST(Gestures, DamagedBytesNeverCrash) {
  const TemporaryFolder folder;
  write_zip(folder / "whole.zip", sound_members());
  const std::string bytes = read_file(folder / "whole.zip");
  int refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(~damaged[at]);
    write_file(folder / "damaged.zip", damaged);
    // Some bytes do not matter (times, attributes): then the data are read.
    refused += !fault_of([&] { read_gestures(folder / "damaged.zip", ""); }).empty();
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size()) / 4);
}

TEST(Gestures, AnArchiveOfOtherThingsIsRefused) {
  const TemporaryFolder folder;
  write_zip(folder / "other.zip", {{"readme.txt", "hello"}});
  EXPECT_THAT(fault_of([&] { read_gestures(folder / "other.zip", ""); }),
              HasSubstr("holds no sequences"));
  write_zip(folder / "none.zip", {});
  EXPECT_THAT(fault_of([&] { read_gestures(folder / "none.zip", ""); }), HasSubstr("none.zip"));
  write_file(folder / "text.zip", "this is no archive");
  EXPECT_THAT(fault_of([&] { read_gestures(folder / "text.zip", ""); }),
              HasSubstr("damaged archive"));
}

TEST(Gestures, AMissingArchiveIsAnError) {
  EXPECT_THAT(fault_of([] { read_gestures("/nowhere/g.zip", ""); }), HasSubstr("/nowhere/g.zip"));
}

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

/// Images of 4 x 2 pixels whose pixels are 0, 1, 2, ...; as many labels.
struct Idx {
  std::string images = big_endian(0x803) + big_endian(3) + big_endian(4) + big_endian(2);
  std::string labels = big_endian(0x801) + big_endian(3) + std::string("\0\x09\x05", 3);
  Idx() {
    for (char pixel = 0; pixel < 24; ++pixel) images.push_back(pixel);
  }
};

Dataset read_idx(const TemporaryFolder& folder, const Idx& idx, const Selection& selection = {}) {
  write_gzip(folder / "images.gz", idx.images);
  write_gzip(folder / "labels.gz", idx.labels);
  return read_fashion_mnist(folder / "images.gz", folder / "labels.gz", {}, selection);
}

std::string fault_of_idx(const Idx& idx) {
  const TemporaryFolder folder;
  return fault_of([&] { read_idx(folder, idx); });
}

TEST(FashionMnist, ImagesAreReadAtHalfTheirSize) {
  const TemporaryFolder folder;
  const Dataset data = read_idx(folder, {});
  EXPECT_EQ(data.shape, (SampleShape{.height = 2, .width = 1, .channels = 1}));
  EXPECT_THAT(data.labels, ElementsAre(0, 9, 5));
  EXPECT_EQ(data.classes.size(), 10U);
  EXPECT_TRUE(data.users.empty());
  ASSERT_EQ(data.values.size(), 6U);
  EXPECT_FLOAT_EQ(data.values[0], 1.5F / 255);
  EXPECT_FLOAT_EQ(data.values[5], 21.5F / 255);
}

TEST(FashionMnist, ASubsetIsDrawnBySeed) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_idx(folder, {}, {.max_samples = 2}).size(), 2);
  EXPECT_EQ(read_idx(folder, {}, {.max_samples = kAllSamples}).size(), 3);
}

TEST(FashionMnist, DamagedFilesAreRefused) {
  Idx idx;
  idx.images[3] = 1;
  EXPECT_THAT(fault_of_idx(idx), AllOf(HasSubstr("images.gz"), HasSubstr("instead of 0x803")));
  idx = {};
  idx.images.pop_back();
  EXPECT_THAT(fault_of_idx(idx), HasSubstr("23 values instead of 24"));
  idx = {};
  idx.images.resize(5);
  EXPECT_THAT(fault_of_idx(idx), HasSubstr("too short"));
  idx = {};
  idx.images.replace(4, 12, std::string(12, '\xff'));
  EXPECT_THAT(fault_of_idx(idx), HasSubstr("impossible size"));
  idx = {};
  idx.images.replace(4, 4, big_endian(0));
  EXPECT_THAT(fault_of_idx(idx), HasSubstr("impossible size"));
  idx = {};
  idx.labels[9] = 10;
  EXPECT_THAT(fault_of_idx(idx), AllOf(HasSubstr("labels.gz"), HasSubstr("label 10 of image 1")));
  idx = {};
  idx.labels = big_endian(0x801) + big_endian(2) + std::string(2, '\0');
  EXPECT_THAT(fault_of_idx(idx), HasSubstr("2 labels for the 3 images"));
}

TEST(FashionMnist, ATruncatedFileIsRefused) {
  const TemporaryFolder folder;
  write_gzip(folder / "whole.gz", Idx().images);
  write_gzip(folder / "labels.gz", Idx().labels);
  const std::string bytes = read_file(folder / "whole.gz");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    write_file(folder / "images.gz", bytes.substr(0, size));
    EXPECT_THAT(
        fault_of([&] { read_fashion_mnist(folder / "images.gz", folder / "labels.gz", {}); }),
        HasSubstr("images.gz"))
        << size;
  }
}

TEST(FashionMnist, TheChecksumOfTheUnpackedFileIsVerified) {
  const TemporaryFolder folder;
  const std::string images = sha256(Idx().images);
  EXPECT_EQ(read_idx(folder, {}).sha256, images);
  const auto read = [&](std::string_view expected) {
    read_fashion_mnist(folder / "images.gz", folder / "labels.gz",
                       {.images = expected, .labels = {}});
  };
  EXPECT_NO_THROW(read(images));
  EXPECT_THAT(fault_of([&] { read(std::string(64, '0')); }), HasSubstr(images));
}

TEST(Gzip, AFileThatUnpacksToTooMuchIsRefused) {
  const TemporaryFolder folder;
  write_gzip(folder / "bomb.gz", std::string(5'000'000, 'x'));
  EXPECT_THAT(fault_of([&] { read_gzip(folder / "bomb.gz", 1'000'000); }), HasSubstr("bomb.gz"));
  EXPECT_EQ(read_gzip(folder / "bomb.gz", 5'000'000).size(), 5'000'000U);
}

/// No network, and a cache and a data path of the test's own.
struct Surroundings {
  TemporaryFolder folder;
  Variable cache{"XDG_CACHE_HOME", folder / "cache"};
  Variable path{"HYPERTUNE_DATA_PATH",
                (folder / "first").string() + ":" + (folder / "second").string()};
  Variable offline{"HYPERTUNE_OFFLINE", "1"};
};

TEST(DatasetSearch, TheFoldersOfTheDataPathComeFirstThenTheCache) {
  const Surroundings at;
  EXPECT_FALSE(dataset_info("gestures").found);
  write_file(at.folder / "cache/hypertune/gestures-dataset.zip", "");
  EXPECT_EQ(dataset_info("gestures").found, at.folder / "cache/hypertune/gestures-dataset.zip");
  write_file(at.folder / "second/gestures-dataset.zip", "");
  EXPECT_EQ(dataset_info("gestures").found, at.folder / "second/gestures-dataset.zip");
}

TEST(DatasetSearch, AMissingDataSetSaysHowToGetIt) {
  const Surroundings at;
  EXPECT_THAT(fault_of([] { fetch_dataset("gestures"); }),
              AllOf(HasSubstr("HYPERTUNE_OFFLINE"), HasSubstr("HYPERTUNE_DATA_PATH")));
  EXPECT_THAT(fault_of([] { load_first_dataset({"gestures"}, {}); }),
              AllOf(HasSubstr("gestures"), HasSubstr("HYPERTUNE_DATA_PATH")));
}

TEST(DatasetSearch, AnUnknownNameSuggestsTheNearest) {
  try {
    load_dataset("gesture");
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"gestures\""));
  }
}

TEST(DatasetSearch, TheNextOneIsTakenWhenTheFirstIsMissingAndTheReasonIsKept) {
  const Surroundings at;
  if (!dataset_info("fashion-mnist").found) GTEST_SKIP() << "dataset-fashion-mnist not installed";
  const ChosenDataset chosen =
      load_first_dataset({"gestures", "fashion-mnist"}, {.max_samples = 10});
  EXPECT_EQ(chosen.data.name, "fashion-mnist");
  EXPECT_EQ(chosen.data.size(), 10);
  EXPECT_THAT(chosen.fallback_reason, HasSubstr("gestures is not on this machine"));
  EXPECT_EQ(load_first_dataset({"fashion-mnist"}, {.max_samples = 10}).fallback_reason, "");
}

TEST(DatasetSearch, ADamagedArchiveIsAnErrorAndNoReasonToTakeTheNext) {
  const Surroundings at;
  write_file(at.folder / "first/gestures-dataset.zip", "damaged");
  EXPECT_THAT(fault_of([] {
                load_first_dataset({"gestures", "fashion-mnist"}, {});
              }),
              AllOf(HasSubstr("first/gestures-dataset.zip"), HasSubstr("SHA-256")));
}

TEST(DatasetSearch, FetchingVerifiesWhatIsHereAlready) {
  const Surroundings at;
  write_file(at.folder / "first/gestures-dataset.zip", "");
  EXPECT_THAT(fault_of([] { fetch_dataset("gestures"); }),
              AllOf(HasSubstr("first/gestures-dataset.zip"), HasSubstr("SHA-256")));
  write_file(at.folder / "first/fashion-mnist/train-images-idx3-ubyte.gz", "");
  write_file(at.folder / "first/fashion-mnist/train-labels-idx1-ubyte.gz", "");
  EXPECT_THAT(fault_of([] { fetch_dataset("fashion-mnist"); }),
              AllOf(HasSubstr("train-images-idx3-ubyte.gz"), HasSubstr("SHA-256")));
}

TEST(DatasetSearch, FetchingGivesTheFolderOfASoundDataSet) {
  const Surroundings at;
  const auto found = dataset_info("fashion-mnist").found;
  if (!found) GTEST_SKIP() << "dataset-fashion-mnist not installed";
  EXPECT_EQ(fetch_dataset("fashion-mnist"), found->parent_path());
}

TEST(Download, PartsThatNobodyWritesAreRemoved) {
  const TemporaryFolder folder;
  for (const char* name : {"old.zip.1.part", "new.zip.2.part", "old.zip"})
    write_file(folder / name, "");
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  std::filesystem::last_write_time(folder / "old.zip.1.part", old);
  std::filesystem::last_write_time(folder / "old.zip", old);
  remove_stale_parts(folder.path());
  EXPECT_FALSE(std::filesystem::exists(folder / "old.zip.1.part"));
  EXPECT_TRUE(std::filesystem::exists(folder / "new.zip.2.part"));
  EXPECT_TRUE(std::filesystem::exists(folder / "old.zip"));
  EXPECT_NO_THROW(remove_stale_parts(folder / "missing"));
}

TEST(Download, ARefusedConnectionLeavesNoFileAndGivesTheReason) {
  const TemporaryFolder folder;
  const auto problem = download("https://127.0.0.1:1/x", folder / "x", 1000, {});
  ASSERT_TRUE(problem);
  EXPECT_THAT(*problem, HasSubstr("https://127.0.0.1:1/x"));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

TEST(Download, OtherProtocolsThanHttpsAreRefused) {
  const TemporaryFolder folder;
  write_file(folder / "secret", "secret");
  EXPECT_TRUE(download("file://" + (folder / "secret").string(), folder / "x", 1000, {}));
  EXPECT_TRUE(download("http://127.0.0.1:1/x", folder / "x", 1000, {}));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

}  // namespace
}  // namespace hypertune
