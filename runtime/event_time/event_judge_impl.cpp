#include "runtime/event_time/event_judge_impl.h"

namespace tocsin::runtime {
template class BasicEventJudge<TakenRows, WaitingRows>;
}  // namespace tocsin::runtime
