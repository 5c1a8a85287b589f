#include "cep/aggregate/text_table.h"

#include <doctest/doctest.h>

#include <map>
#include <memory_resource>
#include <string>

#include "tests/support/random.h"

namespace tocsin::cep {
TEST_CASE("text table: one number for equal texts, until their last holder has gone") {
  tests::for_all_seeds("TEXT_TABLE", 50, [](tests::Random& random) {
    // Texts that have moved leave what they had to the memory that goes as a whole.
    std::pmr::monotonic_buffer_resource memories[3];
    TextTable table(&memories[0], random.next());
    struct Held {
      std::uint32_t number = 0;
      std::size_t holders = 0;
    };
    std::map<std::string, Held> held;
    const std::size_t texts = random.pick({std::size_t{3}, std::size_t{200}, std::size_t{20'000}});
    for (std::size_t step = 0; step < 3 * texts + 100; ++step) {
      std::string text = std::to_string(random.below(texts));
      if (random.chance(20)) text.append(random.below(300), 'x');
      if (random.chance(1)) text.clear();
      const auto known = held.find(text);
      if (known == held.end() || random.chance(30)) {
        const std::uint32_t number = table.hold(text);
        if (known != held.end()) REQUIRE(number == known->second.number);
        Held& now = held[text];
        now.number = number;
        ++now.holders;
      } else if (random.chance(20)) {
        table.hold(known->second.number);
        ++known->second.holders;
      } else {
        table.drop(known->second.number);
        if (--known->second.holders == 0) held.erase(known);
      }
      if (random.chance(1)) table.move_to(&memories[random.below(3)]);
      if (step == texts && random.chance(20)) {
        table.clear(&memories[random.below(3)]);
        held.clear();
      }
      REQUIRE(table.count() == held.size());
      if (held.empty()) continue;
      auto any = held.lower_bound(std::to_string(random.below(texts)));
      if (any == held.end()) any = held.begin();
      REQUIRE(table.text(any->second.number) == any->first);
    }
    for (const auto& [text, one] : held) {
      REQUIRE(table.text(one.number) == text);
      for (std::size_t i = 0; i < one.holders; ++i) table.drop(one.number);
    }
    CHECK(table.count() == 0);
    table.clear(&memories[0]);
    CHECK(table.list_bytes() == 0);
  });
}
}  // namespace tocsin::cep
