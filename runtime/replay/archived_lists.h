/// Lists and tables of rules that run over an archive, changed as they were changed then.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "runtime/io/files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/journal_record.h"
#include "runtime/node/list_changes.h"

namespace tocsin::runtime {
/// Threading: one caller at a time.
class ArchivedLists {
 public:
  /// `blobs`: the folder with entries that commands do not have themselves. `files` and the
  /// programs, whose lists and tables are as declared, must outlive it.
  ArchivedLists(Files& files, std::string blobs, const std::vector<const cep::Program*>& programs);
  /// Whether a program has a list or table at all.
  bool are_there() const;
  /// Makes the change of a command of the journal, if it is one, in each program that has the list
  /// or table. No slice may be on its way.
  void take(std::uint64_t sequence, const Command& command);
  /// What was changed of the first program's.
  ListChanges& changes() { return programs_.front().changes; }
  /// Changes that could not be made, and why.
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  struct OfProgram {
    const cep::Program* program = nullptr;
    ListChanges changes;
  };
  BlobStore blobs_;
  std::vector<OfProgram> programs_;
  std::vector<std::string> lost_;
};
}  // namespace tocsin::runtime
