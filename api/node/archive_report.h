/// What an archive has, and its lines, as people and programs read them.
#pragma once
#include <string>

#include "runtime/archive/archive_directory.h"
#include "runtime/archive/archive_lines.h"

namespace tocsin::api {
/// "records 1 to 812", when they arrived, how many events of which times, size.
std::string archive_file_text(const runtime::ArchiveFile& file);
/// The same as one line of JSON.
std::string archive_file_json(const runtime::ArchiveFile& file);
/// {"arrival":"812:4","input":"http","taken_at":"…","ts":"…","text":"…"}, without a line end; `ts`
/// where it is known.
std::string archived_line_json(const runtime::ArchivedLine& line);
}  // namespace tocsin::api
