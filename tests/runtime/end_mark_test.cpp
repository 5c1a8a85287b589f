#include "runtime/journal/end_mark.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
using tests::SimulatedFiles;
constexpr const char* kPath = "data/ends/journal";

KnownEnd known(SimulatedFiles& files) {
  const Result<KnownEnd> known = read_end_mark(files, kPath);
  REQUIRE(known);
  return *known;
}

TEST_CASE("end mark: it says how far the log was on disk, and never goes back") {
  SimulatedFiles files;
  CHECK(known(files).state == EndMarkState::kMissing);
  {
    auto mark = EndMark::open(files, kPath, 3);
    REQUIRE(mark);
    CHECK(known(files).end == 3);
    for (std::uint64_t end = 4; end < 10; ++end) {
      (*mark)->advance(end);
      CHECK(known(files).end == end);
    }
    (*mark)->advance(5);
    CHECK(known(files).end == 9);
  }
  REQUIRE(EndMark::open(files, kPath, 2));
  CHECK(known(files).end == 9);
  REQUIRE(EndMark::open(files, kPath, 20));
  CHECK(known(files).end == 20);
}

TEST_CASE("end mark: damaged slots leave the others; all of them are called so and written again") {
  SimulatedFiles files;
  auto mark = EndMark::open(files, kPath, 1);
  REQUIRE(mark);
  (*mark)->advance(2);
  (*mark)->advance(3);
  (*mark)->sync();
  files.flip(kPath, 4096 + 9, 1);
  CHECK(known(files).state == EndMarkState::kGood);
  CHECK(known(files).end == 2);
  files.flip(kPath, 9, 1);
  CHECK(known(files).state == EndMarkState::kGood);
  CHECK(known(files).end == 1);
  files.flip(kPath, 8192 + 9, 1);
  CHECK(known(files).state == EndMarkState::kDamaged);
  CHECK(known(files).end == 0);
  REQUIRE(EndMark::open(files, kPath, 7));
  CHECK(known(files).end == 7);
}

TEST_CASE("end mark: format 0 has the same bytes, and a newer one is refused with the remedy") {
  SimulatedFiles files;
  REQUIRE(EndMark::open(files, kPath, 7));
  const std::string written = *read_whole(files, kPath);
  const auto put_format = [&](std::uint32_t format) {
    std::string bytes = written;
    for (const std::size_t slot : {0, 4096, 8192}) {
      store_number(bytes.data() + slot + 16, format);
      store_number(bytes.data() + slot + 20, crc32c(bytes.substr(slot, 20)));
    }
    files.put(kPath, bytes);
  };
  put_format(1);
  CHECK(*read_whole(files, kPath) == written);
  put_format(0);
  CHECK(known(files).end == 7);
  auto mark = EndMark::open(files, kPath, 8);
  REQUIRE(mark);
  CHECK(known(files).end == 8);
  put_format(2);
  const Result<KnownEnd> newer = read_end_mark(files, kPath);
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message ==
        "data/ends/journal has format 2, and this program knows formats up to 1: use the version "
        "of tocsin that wrote it, or a later one");
  CHECK(EndMark::open(files, kPath, 9).error().code == Errc::kOtherVersion);
}

TEST_CASE("end mark: a file of an earlier build has two slots, and gets the third") {
  SimulatedFiles files;
  REQUIRE(EndMark::open(files, kPath, 7));
  files.put(kPath, read_whole(files, kPath)->substr(0, 8192));
  CHECK(known(files).end == 7);
  REQUIRE(EndMark::open(files, kPath, 7));
  CHECK(read_whole(files, kPath)->size() > 8192);
  files.flip(kPath, 9, 1);
  files.flip(kPath, 4096 + 9, 1);
  CHECK(known(files).end == 7);
}

TEST_CASE("end mark: after power cuts it can be read, and is at most as far as it was told") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    SimulatedFiles files(seed);
    files.put("data/FORMAT", "on disk");
    std::uint64_t least = 1;
    for (int life = 0; life < 4; ++life) {
      auto mark = EndMark::open(files, kPath, least);
      REQUIRE(mark);
      const std::uint64_t told = least + seed % 17;
      for (std::uint64_t end = least + 1; end <= told; ++end) (*mark)->advance(end);
      mark->reset();
      files.cut_power();
      const KnownEnd after = known(files);
      CHECK(after.state == EndMarkState::kGood);
      CHECK(after.end <= told);
      CHECK(after.end >= least);
      least = after.end;
    }
  }
}

TEST_CASE("end mark: a crash while it is made leaves no mark or a good one") {
  bool has_crashed = true;
  for (std::uint64_t at = 0; has_crashed; ++at) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(at);
      CAPTURE(seed);
      const bool is_power_cut = seed % 2 == 0;
      SimulatedFiles files(seed);
      files.put("data/FORMAT", "on disk");
      const std::uint64_t begin = files.operations();
      files.fault = [&](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number >= begin + at ? tests::Fault::kCrash : tests::Fault::kNone;
      };
      {
        const auto mark = EndMark::open(files, kPath, 7);
        has_crashed = !mark.has_value();
      }
      files.fault = nullptr;
      if (is_power_cut) {
        files.cut_power();
      } else {
        files.restart();
      }
      const KnownEnd after = known(files);
      CHECK(after.state != EndMarkState::kDamaged);
      if (!has_crashed) CHECK(after.end == 7);
      REQUIRE(EndMark::open(files, kPath, 8));
      CHECK(known(files).end == 8);
    }
  }
}
}  // namespace
}  // namespace tocsin::runtime
