#include "runtime/store/state_store.h"

#include <fmt/format.h>

#include "cep/base/assert.h"

namespace tocsin::runtime {
namespace {
std::uint32_t load_u16(std::string_view from) {
  return std::uint32_t{static_cast<unsigned char>(from[0])} << 8 |
         std::uint32_t{static_cast<unsigned char>(from[1])};
}
}  // namespace

cep::StateKey parse_store_key(std::string_view bytes) {
  TOCSIN_ASSERT(bytes.size() >= kStoreKeyHeadBytes, "every key in a store has its head");
  return {static_cast<std::uint16_t>(load_u16(bytes)), cep::KeyGroup{load_u16(bytes.substr(2))},
          bytes.substr(kStoreKeyHeadBytes)};
}

Result<void> read_pieces(
    StateScan& scan,
    const std::function<Result<void>(const cep::StateKey&, std::string_view)>& take,
    const std::function<void(std::uint64_t)>& progress) {
  constexpr std::uint64_t kTellEvery = 1 << 16;
  StateEntry entry;
  for (std::uint64_t pieces = 0;; ++pieces) {
    if (progress && pieces % kTellEvery == 0) progress(pieces);
    const Result<bool> found = scan.next(entry);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      if (progress) progress(pieces);
      return {};
    }
    const cep::StateKey key = parse_store_key(entry.key);
    if (key.group.value >= cep::kKeyGroupCount) {
      return fail(Errc::kCorrupt,
                  fmt::format("a piece of state has key group {}", key.group.value));
    }
    Result<void> taken = take(key, entry.value);
    if (!taken) return taken;
  }
}
}  // namespace tocsin::runtime
