#include "cep/value/key_share.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "cep/value/key.h"

namespace tocsin::cep {
namespace {
KeyShare share(std::string_view text) { return KeyShare::parse(text).value(); }
std::string key_of(int number) {
  const std::string text = "card" + std::to_string(number);
  const std::array<Value, 1> parts = {Value::string(text)};
  return key_bytes(parts);
}
int count_in(KeyShare share, int keys) {
  int count = 0;
  for (int i = 0; i < keys; ++i) count += share.has(key_of(i)) ? 1 : 0;
  return count;
}

TEST_CASE("key share: percent with at most two decimals, more than 0 and at most 100") {
  for (const char* text : {"10%", "0.5%", "2.25%", "0.01%", "99.99%", "100%"}) {
    CHECK(share(text).text() == text);
  }
  CHECK(share("10.00%").text() == "10%");
  CHECK(share("010%").text() == "10%");
  CHECK(share("100.00%") == KeyShare());
  for (const char* text : {"", "%", "10", "0%", "0.00%", "100.01%", "101%", "1.%", ".5%", "1.234%",
                           "-1%", "+1%", "1e1%", " 10%", "10 %", "10%%", "1000%", "1.0.0%"}) {
    CHECK_MESSAGE(!KeyShare::parse(text), text);
  }
}

TEST_CASE("key share: as many keys as it says, and a larger one has those of a smaller one") {
  constexpr int kKeys = 100'000;
  for (const auto& [text, expected] : std::vector<std::pair<const char*, int>>{
           {"0.5%", 500}, {"10%", 10'000}, {"50%", 50'000}, {"99%", 99'000}}) {
    const int count = count_in(share(text), kKeys);
    CHECK(count > expected * 9 / 10);
    CHECK(count < expected * 11 / 10);
  }
  CHECK(count_in(KeyShare(), kKeys) == kKeys);
  for (int i = 0; i < 1000; ++i) {
    bool was_in = false;
    for (const char* text : {"0.01%", "1%", "5%", "10%", "30%", "75%", "99.99%", "100%"}) {
      const bool is_in = share(text).has(key_of(i));
      CHECK((is_in || !was_in));
      was_in = is_in;
    }
  }
}

TEST_CASE("key share: the same keys on every machine, and no key is in the whole alone") {
  std::string in;
  for (int i = 0; i < 100; ++i) {
    if (share("10%").has(key_of(i))) in += std::to_string(i) + " ";
  }
  CHECK(in == "22 24 33 39 40 45 47 75 77 91 99 ");
  CHECK_FALSE(share("99.99%").has(""));
  CHECK(KeyShare().has(""));
}

TEST_CASE("key share: each key group has its part") {
  std::array<int, 4> of_quarter{};
  constexpr int kKeys = 40'000;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = key_of(i);
    if (share("10%").has(key)) ++of_quarter[key_group(key).value / (kKeyGroupCount / 4)];
  }
  for (const int count : of_quarter) CHECK((count > 850 && count < 1150));
}
}  // namespace
}  // namespace tocsin::cep
