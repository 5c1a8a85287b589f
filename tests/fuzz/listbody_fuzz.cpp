// Any bytes as a body of entries, for lists and tables of each type, in each media type. What is
// taken is the same once it is written as the journal has it and read again.
//
//   u8: the list or table, and the media type | the body
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/lists/list_body.h"
#include "cep/compile/compile.h"
#include "cep/engine/engine.h"
#include "rules/context/rules.h"
#include "runtime/journal/list_change.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;

constexpr const char* kRules = R"(
event payment { ts: time, id: string id, card: string, mcc: int, amount: decimal(2), day: date, ip: string, note: string }
list cards : string = ["4000-0000", "4111-1111"]
list odd_amounts : decimal(2) = [9.99, 99.99]
list cash_like : int = [6051, 7995]
list phrases : text ignoring case = ["gift card", "anydesk"]
list wallets : regex = [/\bbc1[a-z0-9]{6,}\b/, /\busdt\b/i]
list holidays : date = [2026-12-25, 2027-01-01]
list offices : network = ["10.0.0.0/8", "2001:db8::/32"]
table merchants key card { limit: decimal(2), risk: float, zone: string?, travel: list of string } = {
  "m1": { limit: 1.50, risk: 0.5, travel: ["SE"] }
}
table fees key card, mcc { fee: decimal(2) } = { ("EUR", 5): { fee: 0.30 } }
)";
constexpr std::array<const char*, 9> kNames = {"cards",   "odd_amounts", "cash_like",
                                               "phrases", "wallets",     "holidays",
                                               "offices", "merchants",   "fees"};
constexpr std::size_t kLists = 7;
constexpr std::array<const char*, 4> kTypes = {"application/json", "application/x-ndjson",
                                               "text/plain", "image/png"};
constexpr ListBodyLimits kLimits{1000, 100};

cep::Program program() {
  const rules::Loaded loaded =
      rules::load({"fuzz.tocsin"},
                  [](const std::string&) -> Result<std::string> { return std::string(kRules); });
  for (const rules::Diagnostic& diagnostic : loaded.diagnostics)
    std::fputs(rules::render(loaded.sources, diagnostic, false).c_str(), stderr);
  require(loaded.rules.has_value(), "the rules check");
  Result<cep::Program> compiled = cep::compile(loaded.rules->plan);
  require(compiled.has_value(), "the rules compile");
  return *std::move(compiled);
}
}  // namespace

void try_body(unsigned kind, std::string_view body) {
  static cep::Program rules = program();
  const std::size_t place = kind % kNames.size();
  const runtime::ListOrTable what =
      runtime::find_list(rules.data(), {place >= kLists, kNames.at(place)});
  const char* const type = kTypes.at(kind / kNames.size() % kTypes.size());
  const auto entries = read_list_body(what, type, body, kLimits);
  if (!entries) {
    require(!entries.error().detail.empty(), "a refusal says why");
    return;
  }
  require(entries->size() <= kLimits.entries_max, "no more entries than there may be");
  const std::string written = runtime::write_entries(what, *entries);
  const auto again = runtime::read_entries(what, written);
  require(again.has_value(), "what was taken is read from the journal");
  require(again->size() == entries->size(), "each entry is there again");
  for (std::size_t i = 0; i < entries->size(); ++i) {
    require((*again)[i].key == (*entries)[i].key && (*again)[i].until == (*entries)[i].until,
            "an entry is what it was");
  }
  require(runtime::write_entries(what, *again) == written, "it is written as it was");
}
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) tocsin::fuzz::try_body(data[0], tocsin::fuzz::text_of(data + 1, size - 1));
  return 0;
}
