#include "runtime/inputs/taken_lines.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "runtime/inputs/input_file.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
Result<NodeSource> file_taken_to(const std::string& path, std::uint64_t next, InputFiles& files) {
  const Result<InputIdentity> identity = identify_file(path, files);
  if (!identity) return tl::unexpected(identity.error());
  NodeSource source;
  source.name = path;
  source.kind = SourceKind::kByPosition;
  source.identity = write_identity(*identity);
  Result<std::unique_ptr<ByteSource>> bytes = files.open(path, {});
  if (!bytes) return tl::unexpected(bytes.error());
  const std::uint64_t lines = next == 0 ? 0 : next - 1;
  std::string part(std::size_t{1} << 20, '\0');
  bool is_within = false;  // a line that may have no end
  while (source.lines.number < lines) {
    const Result<std::size_t> got = (*bytes)->read(part.data(), part.size());
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) break;
    std::string_view rest(part.data(), *got);
    std::size_t taken = 0;
    while (source.lines.number < lines && taken < rest.size()) {
      const std::size_t end = rest.find('\n', taken);
      is_within = end == std::string_view::npos;
      taken = is_within ? rest.size() : end + 1;
      if (!is_within) ++source.lines.number;
    }
    source.prefix.add(rest.substr(0, taken));
    source.next_offset += taken;
  }
  if (is_within) ++source.lines.number;
  if (source.lines.number < lines) {
    return fail(Errc::kMismatch,
                fmt::format("{} has {} lines, and {} were read of it: it is another file, or was "
                            "cut; put back the one that was read",
                            path, source.lines.number, lines));
  }
  return source;
}

NodeSource partition_taken_to(const std::string& name, std::uint64_t offset) {
  NodeSource source;
  source.name = name;
  source.identity = kNoMessage;
  source.next_offset = source.lines.number = offset;
  return source;
}
}  // namespace tocsin::runtime
