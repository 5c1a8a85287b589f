/// The events of keys that a server has archived, as an input of a run.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/node/run_arguments.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/key_report.h"
#include "runtime/archive/archive_lines.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// A data directory, to be read as `tocsin archive cat` prints it.
class ArchivedKeys {
 public:
  /// `from` and `to` as `tocsin archive cat` has them; empty: all lines. Fails with kUsage for a
  /// time that is none, and with kDataDirectory for a folder that is no data directory.
  static Outcome<ArchivedKeys> open(runtime::Files& files, const std::string& data,
                                    const std::string& from, const std::string& to);
  /// The lines from the beginning; with `from` or `to` those that are events by the types of
  /// `program`, with `keys` those of any of these keys. What is missing is put into `notes`, which
  /// is nobody else's until the source is gone. `files` of open(), and `notes`, must outlive it.
  /// Fails as ArchiveLines::open().
  Result<std::unique_ptr<runtime::ByteSource>> read(
      const cep::Program& program, ArchiveNotes& notes,
      const std::vector<cep::KeyQuery>& keys = {}) const;

 private:
  ArchivedKeys(runtime::Files& files, const std::string& data,
               std::optional<runtime::TimeSpan> times)
      : files_(&files), paths_(data), times_(times) {}

  runtime::Files* files_;
  runtime::DataPaths paths_;
  std::optional<runtime::TimeSpan> times_;
};
}  // namespace tocsin::api
