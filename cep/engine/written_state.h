/// The state of another engine, as it is taken over.
#pragma once
#include <cstddef>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"
#include "cep/engine/state_targets.h"
#include "cep/record/state_layout.h"
#include "cep/value/time.h"

namespace tocsin::cep {
struct WrittenState {
  StateLayout layout;
  std::size_t layout_bytes = 0;  // of the globals
  EventTime watermark;           // of the cut in hand
  StateTargets targets;

  /// Reads the layout that globals begin with; `globals` stands behind it afterwards. Fails with
  /// kCorrupt, and kOtherVersion for a newer format.
  Result<void> read_layout(std::string_view all, ByteReader& globals) {
    if (auto known = check_state_format(all); !known) return known;
    if (!layout.read(globals)) {
      return fail(Errc::kCorrupt, "the engine's state is damaged: its layout");
    }
    layout_bytes = all.size() - globals.left();
    return {};
  }
};
}  // namespace tocsin::cep
