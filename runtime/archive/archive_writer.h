/// Makes a file of the archive of records that the journal holds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/value/time.h"
#include "runtime/archive/archive_directory.h"
#include "runtime/archive/erased_value.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
struct ArchiveWriterOptions {
  std::size_t block_bytes = std::size_t{256} << 10;  // of records, before they are packed
  int level = 1;                                     // of zstd
  std::size_t line_bytes_max = std::size_t{1} << 20;
};
/// The records from `first` up to `end` (> first) of the journal in `journal`, which must be on
/// disk, as a file in `directory`, which must be there. The file is whole under its name or not
/// there. `program` says which types of event there are, and by which keys they are looked for.
/// Fails with kCorrupt for damage in the journal, kLimit without space, kIo.
Result<ArchiveFile> write_archive(Files& files, const std::string& journal, std::uint64_t first,
                                  std::uint64_t end, const std::string& directory,
                                  cep::EventTime now, const cep::Program& program,
                                  const ArchiveWriterOptions& options);
/// Writes a file of the archive anew without what `finder` finds in records before `end`, whose
/// lines are kErasedLine then, under its name; a file without any stays as it is. Gives how many
/// lines were erased. Fails with kNotFound where it was removed meanwhile, kCorrupt, kLimit, kIo.
Result<std::uint64_t> erase_from_archive(Files& files, const ArchiveFile& file, std::uint64_t end,
                                         ValueFinder& finder, const cep::Program& program,
                                         const ArchiveWriterOptions& options);
}  // namespace tocsin::runtime
