#include "runtime/effects/effect_rows.h"

#include <algorithm>

#include "cep/value/identity.h"

namespace tocsin::runtime {
EndpointId EndpointId::of(std::string_view name) {
  const cep::Digest digest = cep::sha256("tocsin endpoint\n" + std::string(name));
  EndpointId id;
  std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}
}  // namespace tocsin::runtime
