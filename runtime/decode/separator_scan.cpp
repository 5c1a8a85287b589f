#include "runtime/decode/separator_scan.h"

namespace tocsin::runtime {
SeparatorScan scan_separators_plain;
#if defined(TOCSIN_HAS_WIDE_SEPARATORS)
SeparatorScan scan_separators_avx2;
SeparatorScan scan_separators_avx512;
#endif

SeparatorScan* separator_scan(ScanLanes lanes) {
  switch (lanes) {
    case ScanLanes::kPlain:
      break;
#if defined(TOCSIN_HAS_WIDE_SEPARATORS)
    case ScanLanes::kAvx2:
      return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0
                 ? scan_separators_avx2
                 : nullptr;
    case ScanLanes::kAvx512:
      return __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0
                 ? scan_separators_avx512
                 : nullptr;
#else
    case ScanLanes::kAvx2:
    case ScanLanes::kAvx512:
      return nullptr;
#endif
  }
  return scan_separators_plain;
}

SeparatorScan& separator_scan() {
  static SeparatorScan* const kWidest = [] {
    if (SeparatorScan* const scan = separator_scan(ScanLanes::kAvx512)) return scan;
    if (SeparatorScan* const scan = separator_scan(ScanLanes::kAvx2)) return scan;
    return separator_scan(ScanLanes::kPlain);
  }();
  return *kWidest;
}
}  // namespace tocsin::runtime
