// Looks into the state that a data directory holds, for tests/state/golden_state.py.
//
//   state_tool dump FOLDER       what a checkpoint or savepoint holds, byte for byte
//   state_tool rewrite FOLDER    the same after this program has restored it and written it again
//   state_tool digests FOLDER    as dump, with size and digest of each
//   state_tool numbers           the numbers of this program
//   state_tool kinds [DATA…]     each kind of state, and how often the data directories have it
//
// dump and rewrite: `format N`, `semantics N`, then a line `NAME HEX` for what is of no key, and
// `KEY HEX` for each entry, by key. kinds: `COUNT KIND`.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/semantics.h"
#include "cep/value/identity.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/system_files.h"
#include "tests/state/state_file.h"
#include "tests/state/state_kinds.h"

namespace tocsin::tests {
namespace {
std::string hex_of(std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

std::string digest_of(std::string_view bytes) {
  return fmt::format("{} {}", bytes.size(), cep::hex(runtime::digest_range(bytes)));
}

void print(const StateFile& state, const StateBytes& bytes,
           std::string (*shown)(std::string_view) = hex_of) {
  fmt::print("format {}\nsemantics {}\n", state.format, state.meta.semantics);
  fmt::print("engine {}\nintake {}\nnode {}\n", shown(bytes.engine), shown(bytes.intake),
             shown(bytes.node));
  for (const auto& [key, value] : bytes.entries) fmt::print("{} {}\n", hex_of(key), shown(value));
}

Result<void> count_data(const std::string& data, KindCounts& kinds) {
  runtime::SystemFiles files;
  const runtime::DataPaths paths(data);
  const auto numbers = runtime::list_checkpoints(files, paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  for (const std::uint64_t number : *numbers) {
    const Result<StateFile> state = read_state(runtime::checkpoint_path(paths.checkpoints, number));
    if (!state) return tl::unexpected(state.error());
    if (auto counted = count_state(*state, kinds); !counted) return counted;
  }
  return count_directory(data, kinds);
}

Result<void> run(const std::vector<std::string>& arguments) {
  const std::string& verb = arguments.at(0);
  if (verb == "kinds") {
    KindCounts kinds;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      if (auto counted = count_data(arguments[i], kinds); !counted) return counted;
    }
    for (const auto& [kind, count] : kinds.counts()) fmt::print("{} {}\n", count, kind);
    return {};
  }
  if (verb == "numbers") {
    fmt::print("format {}\nsemantics {}\n", runtime::kCheckpointFormat, cep::kSemantics);
    return {};
  }
  const Result<StateFile> state = read_state(arguments.at(1));
  if (!state) return tl::unexpected(state.error());
  if (verb == "dump" || verb == "digests") {
    print(*state, state->bytes, verb == "dump" ? hex_of : digest_of);
    return {};
  }
  const Result<StateBytes> again = write_again(*state);
  if (!again) return tl::unexpected(again.error());
  print(*state, *again);
  return {};
}
}  // namespace
}  // namespace tocsin::tests

int main(int count, char** arguments) {
  const std::vector<std::string> given(arguments + 1, arguments + count);
  const bool has_folder = !given.empty() && given[0] != "kinds" && given[0] != "numbers";
  if (given.empty() || (has_folder && given.size() != 2)) {
    fmt::print(stderr, "usage: state_tool dump|rewrite|digests FOLDER, kinds [DATA…], numbers\n");
    return 2;
  }
  const tocsin::Result<void> done = tocsin::tests::run(given);
  if (done) return 0;
  fmt::print(stderr, "state_tool: {}\n", done.error().message);
  return 1;
}
