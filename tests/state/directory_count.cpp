// What kinds of records a journal has, and which families of the alert store hold something.
#include <variant>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_record.h"
#include "runtime/node/node_commands.h"
#include "runtime/store/rocks_store.h"
#include "tests/state/kind_names.h"
#include "tests/state/state_kinds.h"

namespace tocsin::tests {
namespace {
void count_record(const runtime::JournalRecord& record, KindCounts& kinds) {
  std::string body;
  runtime::encode_front(record, body);
  kinds.add(std::string("record/") + name_of_record(static_cast<runtime::RecordKind>(body[0])));
  if (const auto* const decision = std::get_if<runtime::Decision>(&record)) {
    kinds.add(std::string("decision/") + name_of_decision(decision->kind));
  }
  const auto* const command = std::get_if<runtime::Command>(&record);
  if (command == nullptr) return;
  kinds.add("command/" + std::string(command->name));
  if (command->name != runtime::kListCommand) return;
  const Result<runtime::ListCommand> change = runtime::read_list_command(command->arguments);
  if (change) kinds.add(std::string("list change/") + name_of_list_action(change->action));
}
}  // namespace

Result<void> count_directory(const std::string& directory, KindCounts& kinds) {
  runtime::SystemFiles files;
  const auto journal = runtime::verify_journal(
      files, directory + "/journal",
      [&](const runtime::JournalEntry& entry) { count_record(entry.record, kinds); });
  if (!journal) return tl::unexpected(journal.error());
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  const auto store = runtime::RocksStore::open_reader(directory + "/store", options);
  if (!store) return tl::unexpected(store.error());
  for (std::size_t i = 0; i < options.families.size(); ++i) {
    const Result<void> read = (*store)->scan(runtime::StoreFamily{static_cast<std::uint8_t>(i)}, {},
                                             [&](std::string_view, std::string_view) {
                                               kinds.add("store/" + options.families[i]);
                                               return true;
                                             });
    if (!read) return read;
  }
  return (*store)->scan(runtime::kWithheldFamily, {},
                        [&](std::string_view key, std::string_view value) {
                          const auto row = runtime::decode_withheld(key, value);
                          if (!row) return false;
                          kinds.add(std::string("withheld/") + name_of_withheld(row->kind));
                          return true;
                        });
}
}  // namespace tocsin::tests
