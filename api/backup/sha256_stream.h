/// SHA-256 of bytes that come in pieces.
#pragma once
#include <memory>
#include <string_view>

#include "cep/value/identity.h"

namespace tocsin::api {
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void add(std::string_view bytes);
  /// The same as cep::sha256() of all of them; once.
  cep::Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
}  // namespace tocsin::api
