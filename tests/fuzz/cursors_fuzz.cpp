// Any bytes as the cursor of a page. What is read is the same place when it is written and read
// again, and a cursor of one filter or order is none of another.
//
//   u8: which cursor, and in which order | text
#include <cstdint>
#include <string>
#include <string_view>

#include "api/alerts/alert_query.h"
#include "api/pages/page_cursor.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;

void try_alert_cursor(AlertOrder order, std::string_view text) {
  const AlertFilter none;
  AlertFilter other;
  other.rules.insert("r");
  std::string cursor(text);
  // Its digest would keep nearly all inputs from the code before it.
  if (cursor.size() == 17) cursor += alert_cursor({}, none, order).substr(17);
  const auto place = read_alert_cursor(cursor, none, order);
  if (!place) return;
  const std::string written = alert_cursor(*place, none, order);
  require(written.size() == cursor.size(), "cursors of one kind are equally long");
  const auto again = read_alert_cursor(written, none, order);
  require(again && *again == *place, "a cursor is the place that it was made of");
  require(!read_alert_cursor(written, other, order), "a cursor is of one filter");
  for (const AlertOrder wrong : {AlertOrder::kNewest, AlertOrder::kOldest, AlertOrder::kSeverity}) {
    if (wrong != order) require(!read_alert_cursor(written, none, wrong), "and of one order");
  }
}
}  // namespace

void try_cursor(unsigned kind, std::string_view text) {
  if (kind < 3) return try_alert_cursor(static_cast<AlertOrder>(kind), text);
  if (kind == 3) {
    const auto number = read_number_cursor(text);
    if (!number) return;
    require(*number > 0 && read_number_cursor(number_cursor(*number)) == number,
            "a number is what it was made of");
  } else if (kind == 4) {
    require(read_key_cursor(key_cursor(text)) == text, "every key has a cursor");
    const auto key = read_key_cursor(text);
    require(!key || key_cursor(*key) == text, "a key is written as it was read");
  } else if (kind == 6) {
    const auto arrival = read_arrival_cursor(text);
    require(!arrival || read_arrival_cursor(arrival_cursor(*arrival)) == arrival,
            "an arrival number is what it was made of");
  } else {
    const auto place = read_side_output_cursor(text);
    if (!place) return;
    const auto again = read_side_output_cursor(side_output_cursor(*place));
    require(again && again->timeline == place->timeline && again->arrival == place->arrival,
            "a place is what it was made of");
  }
}
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) tocsin::fuzz::try_cursor(data[0] % 7, tocsin::fuzz::text_of(data + 1, size - 1));
  return 0;
}
