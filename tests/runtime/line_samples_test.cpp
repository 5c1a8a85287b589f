#include "runtime/io/line_samples.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>

namespace tocsin::tests {
namespace {
using runtime::LineSamples;

std::string line(std::uint64_t number) { return "line " + std::to_string(number) + "\n"; }
std::string lines(std::uint64_t first, std::uint64_t end) {
  std::string text;
  for (; first < end; ++first) text += line(first);
  return text;
}
std::string bytes_of(const LineSamples& samples) {
  std::string bytes;
  ByteWriter writer(bytes);
  samples.save(writer);
  return bytes;
}

TEST_CASE("line samples: what is sent again is compared, whatever the cut into blocks") {
  std::mt19937_64 random(7);
  for (const std::uint64_t count : {1, 15, 512, 513, 4000, 8192, 8193, 140'000}) {
    LineSamples samples;
    LineSamples at_once;
    at_once.add(lines(0, count));
    while (samples.end() < count) {
      const std::uint64_t size = random() % (random() % 4 == 0 ? 3000 : 5);
      samples.add(lines(samples.end(), std::min(count, samples.end() + size)));
    }
    // The last are compared one by one, the first always, and a large request in many places.
    const std::uint64_t recent = count - std::min<std::uint64_t>(count, 512);
    for (const LineSamples* const one : {&samples, &at_once}) {
      for (std::uint64_t number = recent; number < count; number += 1 + count / 100) {
        CHECK(one->compare(number, line(number)).compared == 1);
        CHECK_FALSE(one->compare(number, line(number)).differing);
        CHECK(one->compare(number, "other\n").differing == number);
      }
      CHECK(one->compare(0, line(0)).compared == 1);
      CHECK(one->compare(0, "other\n").differing == 0);
      const auto all = one->compare(0, lines(0, count + 10));
      CHECK_FALSE(all.differing);
      CHECK(all.compared >= std::min<std::uint64_t>(count, 512));
      CHECK(one->compare(0, lines(1, count + 1)).differing == 0);
    }
    if (count >= 1024) {
      CHECK(samples.compare(count / 2, lines(count / 2, count / 2 + count / 4)).compared > 10);
      CHECK(samples.compare(1, line(1)).compared == 0);  // between two samples
    }
    CHECK(samples.compare(count, line(count)).compared == 0);
    CHECK(bytes_of(samples).size() < 16'000);
    // Restored they go on equally.
    const std::string saved = bytes_of(samples);
    ByteReader reader(saved);
    LineSamples restored = LineSamples::restore(reader);
    CHECK(reader.is_done());
    restored.add(lines(count, count + 700));
    samples.add(lines(count, count + 700));
    CHECK(bytes_of(restored) == bytes_of(samples));
  }
}

TEST_CASE("line samples: white space at the end of a line is not compared") {
  LineSamples samples;
  samples.add("a\r\nb \n");
  CHECK_FALSE(samples.compare(0, "a\nb\n").differing);
  CHECK(samples.compare(0, "a\n b\n").differing == 1);
}

TEST_CASE("line samples: lines from before there were samples are said to be") {
  LineSamples samples(1'000'003);
  CHECK(samples.compare(5, line(5)).is_unsampled);
  samples.add(lines(1'000'003, 1'010'000));
  CHECK(samples.compare(1'000'002, lines(1'000'002, 1'000'200)).is_unsampled);
  CHECK(samples.compare(1'000'002, lines(1'000'002, 1'000'300)).compared > 0);
  CHECK(samples.compare(1'009'990, "x\n").differing == 1'009'990);
  CHECK_FALSE(samples.compare(1'000'003, lines(1'000'003, 1'010'000)).differing);
}

TEST_CASE("line samples: any bytes may be restored") {
  LineSamples samples;
  samples.add(lines(0, 3000));
  const std::string saved = bytes_of(samples);
  for (std::size_t size = 0; size < saved.size(); size += 7) {
    ByteReader reader(std::string_view(saved).substr(0, size));
    LineSamples::restore(reader);
    CHECK_FALSE(reader.is_done());
  }
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = saved;
    damaged[random() % 12] = static_cast<char>(random());
    ByteReader reader(damaged);
    LineSamples restored = LineSamples::restore(reader);
    if (!reader.is_done()) continue;
    static_cast<void>(restored.compare(random() % 5000, lines(0, 100)));
    restored.add(lines(0, 20));
  }
}
}  // namespace
}  // namespace tocsin::tests
