/// Keys of which rules hold state, the nearest to an alert first: a page of a walk through the
/// engine's keys (cep/engine/key_scan.h), which goes on between slices of events.
///
/// Invariants: a page examines a bounded number of keys, takes a bounded time and keeps no more
/// keys than it shows. A key that holds state while all pages are read is on one of them; with
/// `nearest` it may be on two, or on none, only if it came nearer or went further meanwhile.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/node/event_answer.h"
#include "api/rules/key_text.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/engine.h"
#include "cep/engine/key_scan.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// Where a page goes on.
struct NearKeysPlace {
  cep::KeyPlace from;                       // what is walked begins behind it
  std::optional<cep::KeyPlace> last;        // and ends with it; nothing: with the last of all
  std::optional<cep::KeyNearness> nearest;  // of these, keys that are further away than this
  friend bool operator==(const NearKeysPlace&, const NearKeysPlace&) = default;
};
/// A place, of one process and one set of rules, as a page's `next` and a request's `cursor`.
std::string near_keys_cursor(std::uint64_t of, const NearKeysPlace& place);
/// Nothing for what is no cursor, or not of `of`.
std::optional<NearKeysPlace> read_near_keys_cursor(std::uint64_t of, std::string_view cursor);

struct NearKeysRequest {
  std::string rule;                        // name or id; empty: any
  std::string prefix;                      // of the text of a key's first part
  bool is_nearest = true;                  // else in no promised order
  std::size_t keys_max = 0;                // of the page
  std::optional<std::string> cursor = {};  // nothing: the first page
  std::uint64_t examined_max = 0;
  std::chrono::milliseconds time_max{};
  std::uint64_t salt = 0;  // of this process: chooses the order of the walk, and marks cursors
};
enum class NearKeysLimit : std::uint8_t { kNone, kKeys, kTime };
struct NearKeys {
  std::optional<cep::Program> program;  // whose rules the keys name
  cep::EventTime at;                    // the engine's watermark
  std::vector<cep::ScannedKey> keys;
  std::uint64_t examined = 0;
  std::uint64_t found = 0;   // of those examined: of which one of the rules holds state
  bool is_complete = false;  // all keys were examined
  NearKeysLimit limit = {};  // that ended the page
  std::string next;          // empty: there are no more
};
/// Runs a step on the engine's thread between slices, again and again until it gives true.
using EngineWork =
    std::function<Served<void>(const std::function<bool(const cep::Program&, cep::Engine&)>&)>;
/// Errors in the result: kNotFound for a rule that does not run, kInvalidArgument for a cursor of
/// another process or other rules, kConflict where the rules changed meanwhile.
Served<Result<NearKeys>> near_keys(const NearKeysRequest& request, const EngineWork& work);

/// The text by which `GET /v1/keys/{key}` finds a key; nothing where it has none: a key without
/// parts, or with a value that would be read as a further part.
std::optional<std::string> key_path_text(const cep::ScannedKey& key);
std::string near_keys_json(const NearKeys& found, const PlaceOfCondition& place);
}  // namespace tocsin::api
