#include "cep/data/text_scratch.h"

namespace tocsin::cep {
TextArena& text_scratch() {
  thread_local TextArena texts;
  return texts;
}
}  // namespace tocsin::cep
