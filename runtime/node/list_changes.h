/// What commands have changed of the lists and tables that a node's rules look up
/// (cep/data/reference_data.h): applied live and in a replay by the same code, kept in checkpoints,
/// and taken over by other rules.
///
/// A list whose entries were replaced as a whole names the blob that holds them; what came since is
/// kept entry by entry. As bytes: count, then for each list that was ever changed its name, shape,
/// revision, blob (when, digest, bytes), and the entries added and removed since, as commands have
/// them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/entry_set.h"
#include "cep/engine/engine.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/list_change.h"

namespace tocsin::runtime {
/// A change that is ready to be journaled and carried out.
struct ListChange {
  ListName name;
  ListAction action = ListAction::kAdd;
  std::string who;
  std::string shape;                            // shape_of() what the entries were read for
  std::vector<cep::Entry> entries;              // kAdd, kRemove
  std::shared_ptr<const cep::EntryBase> whole;  // kReplace
  std::size_t count = 0;                        // of entries
  std::string text;                             // write_entries() of them
  /// Where `text` was put already.
  std::optional<CheckpointBlob> blob = {};
};
struct ListChanged {
  std::uint64_t record = 0;  // of the journal
  std::size_t changed = 0;   // entries that are other than before; all, of a whole
  std::size_t size = 0;      // entries now
};
/// A change of these entries. Takes time by their number, and needs no node: `program` is one with
/// the list or table. `entries` is empty for kReset. Fails with kNotFound, and with kUnsupported
/// for a list that may not be changed.
Result<ListChange> prepare_list_change(const cep::Program& program, ListName name,
                                       ListAction action, std::string who,
                                       std::vector<cep::Entry> entries);

class ListChanges {
 public:
  /// Carries out a change, whose entries are used up; `record` is its command's. Of a whole,
  /// `change.whole` is what it takes the place of, to be let go of where that holds up nobody.
  ListChanged apply(ListChange& change, std::uint64_t record, const cep::Program& program);
  /// What a command of the journal says, its entries read from it or from its blob. Fails with
  /// kCorrupt, kNotFound.
  static Result<ListChange> read(std::string_view arguments,
                                 const std::vector<BlobReference>& blobs, const BlobStore& store,
                                 const cep::Program& program);
  /// The last record that changed a list or table; 0: none did.
  std::uint64_t revision(const ListName& name) const;
  /// Lets go of entries that ended so early that nobody can ask for them, where event time is
  /// `watermark`. No answer depends on when; before state_migration() it is a must, since what
  /// others declare may come in the place of what has ended.
  void forget(const cep::Program& program, cep::EventTime watermark);

  /// Takes the changes of `before`'s lists and tables over to those of `now` that have the same
  /// names and shapes. Gives what is left out: "the changes of the list blocked_cards".
  std::vector<std::string> state_migration(const cep::Program& before, const cep::Program& now);

  /// All of it; empty where nothing was ever changed.
  std::string save(const cep::Program& program);
  /// Reads what save() wrote into a program without changes. Gives what its rules have no place
  /// for, as state_migration(). Fails with kCorrupt, kOtherVersion; as
  /// BlobStore::get().
  Result<std::vector<std::string>> restore(std::string_view bytes, const cep::Program& program,
                                           const BlobStore& store);
  /// The blobs that save()'s bytes name.
  std::vector<CheckpointBlob> blobs() const;

 private:
  struct State {
    std::uint64_t revision = 0;
    std::optional<CheckpointBlob> whole;
    std::string saved;  // the entries changed since, as save() has them; empty: not made yet
    bool is_saved = false;
  };
  std::map<ListName, State> states_;
};
/// Whether a blob of this role holds entries, which go when nothing needs them.
bool is_entries(std::string_view role);
/// Whether a blob that a command of the journal names goes when no start needs the record.
bool may_go(const Command& command, const BlobReference& blob);
/// Of checkpoints' and commands' blobs, those that hold rules: no entries.
std::vector<CheckpointBlob> rule_blobs(const std::vector<CheckpointBlob>& blobs);
/// The others.
std::vector<CheckpointBlob> entry_blobs(const std::vector<CheckpointBlob>& blobs);
/// The role of a list's or table's entries.
std::string role_of(const ListName& name);
}  // namespace tocsin::runtime
