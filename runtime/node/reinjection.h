/// Late events and dead letters that are put in again: a command of the journal, which the next run
/// carries out before it reads anything else. The lines, as they were or corrected, are the
/// command's blob; its arguments say which rows they are:
///
///   {"kind":"late","rows":[[TIMELINE,RECORD,INDEX],…]}
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/order.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/effects/effects.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
struct Reinjection {
  struct Row {
    std::uint32_t timeline = 0;  // ordinal
    cep::ArrivalNumber arrival;
    friend bool operator==(const Row&, const Row&) = default;
  };
  SideOutputKind kind = SideOutputKind::kLate;
  std::vector<Row> rows;  // as their lines stand in the blob
};
std::string write_reinjection(const Reinjection& reinjection);
/// Fails with kCorrupt for anything but what write_reinjection() gives.
Result<Reinjection> read_reinjection(std::string_view json);

/// A row that is to be put in again.
struct WantedRow {
  cep::ArrivalNumber arrival;
  std::optional<std::string> text;  // taken instead of its line, which somebody corrected
};

/// What append_reinjection() did.
struct AppendedReinjection {
  std::uint64_t rows = 0;
  std::uint64_t corrected = 0;  // of them
  std::uint64_t waiting = 0;    // asked for, but already in the journal for the next run
  std::uint64_t done = 0;       // asked for, but put in again before
};
using RowKey = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;  // timeline, arrival
/// Rows that are to be put in again, and their lines.
struct SideOutputLines {
  Reinjection rows;
  std::string text;
};
/// The rows of one kind that were not put in again yet and are not among `waiting`: all, or those
/// `wanted`, each of which must be there (kNotFound). A text must be one line that is not blank,
/// and its row be named once (kInvalidArgument). Counts in `counts`. Costs a look at each row that
/// is stored.
Result<SideOutputLines> collect_side_output(const EffectReader& reader, SideOutputKind kind,
                                            const std::vector<WantedRow>& wanted,
                                            const std::set<RowKey>& waiting,
                                            AppendedReinjection& counts);
/// The command of the journal; it borrows `arguments`, which write_reinjection() gave.
Command reinjection_command(cep::EventTime now, std::string_view arguments,
                            const SideOutputLines& lines, const cep::Digest& digest);
/// Appends the command for the rows that collect_side_output() gives. Nothing is appended where
/// there is none. Only the owner of the directory may. Fails with kConflict where time has ended,
/// and as journal, blobs and reader do.
Result<AppendedReinjection> append_reinjection(Files& files, Clock& clock,
                                               const DataDirectory& directory,
                                               const EffectReader& reader, SideOutputKind kind,
                                               const std::vector<WantedRow>& wanted);
}  // namespace tocsin::runtime
