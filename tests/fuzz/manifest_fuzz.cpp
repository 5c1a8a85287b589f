// Any bytes as the manifest of a checkpoint. Reading never crashes, and gives only what encodes to
// the bytes it was read from. Its digest would keep nearly all inputs from the code behind it, so
// that most are taken as a body and get a good one.
//
//   u8: 0 for a whole manifest as it is, else format and digest are made good | bytes
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/base/byte_codec.h"
#include "runtime/checkpoint/checkpoint.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace runtime;
constexpr std::size_t kBodyAt = 36;

std::string sealed(std::string_view body) {
  std::string head;
  ByteWriter writer(head);
  writer.u32(kCheckpointFormat);
  writer.u64(body.size());
  const RangeDigest digest = digest_range(head + std::string(body));
  std::string bytes = "tocsinC\n" + head;
  bytes.append(digest.begin(), digest.end());
  return bytes + std::string(body);
}
}  // namespace

void try_manifest(std::string_view input) {
  if (input.empty()) return;
  const std::string bytes =
      input.front() == 0 ? std::string(input.substr(1)) : sealed(input.substr(1));
  const Result<Manifest> manifest = decode_manifest(bytes, "manifest");
  if (!manifest) {
    require(manifest.error().message.starts_with("manifest "), "a refusal names the file");
    return;
  }
  // It is encoded under this program's format, whatever it was.
  const std::string_view body = std::string_view(bytes).substr(kBodyAt);
  require(encode_manifest(*manifest) == sealed(body),
          "a manifest encodes to what it was decoded from");
}
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_manifest(tocsin::fuzz::text_of(data, size));
  return 0;
}
