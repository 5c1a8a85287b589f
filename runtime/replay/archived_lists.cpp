#include "runtime/replay/archived_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/data/reference_data.h"
#include "runtime/journal/list_change.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
ArchivedLists::ArchivedLists(Files& files, std::string blobs,
                             const std::vector<const cep::Program*>& programs)
    : blobs_(BlobStore::look(files, std::move(blobs))) {
  for (const cep::Program* const program : programs) programs_.push_back({program, {}});
}

bool ArchivedLists::are_there() const {
  return std::ranges::any_of(programs_, [](const OfProgram& one) {
    const cep::ReferenceData& data = one.program->data();
    return !data.lists.empty() || !data.tables.empty();
  });
}

void ArchivedLists::take(std::uint64_t sequence, const Command& command) {
  if (command.name != kListCommand) return;
  const Result<ListCommand> named = read_list_command(command.arguments);
  if (!named) {
    lost_.push_back(fmt::format("record {}: {}", sequence, named.error().message));
    return;
  }
  for (OfProgram& one : programs_) {
    const ListOrTable what = find_list(one.program->data(), named->name);
    if (what.list == nullptr && what.table == nullptr) continue;
    Result<ListChange> change =
        ListChanges::read(command.arguments, command.blobs, blobs_, *one.program);
    if (change) {
      one.changes.apply(*change, sequence, *one.program);
      continue;
    }
    // Entries of a whole list go once no start needs them.
    const bool is_gone = change.error().code == Errc::kNotFound;
    lost_.push_back(fmt::format(
        "the change of {} in record {} is left out: {}", describe(named->name), sequence,
        is_gone ? std::string("its entries are no longer kept") : change.error().message));
    return;
  }
}
}  // namespace tocsin::runtime
