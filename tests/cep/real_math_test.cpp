// The functions of real numbers against values computed to 400 bits and rounded once: equal bits.
#include "cep/value/real_math.h"

#include <doctest/doctest.h>

#include <cmath>

namespace tocsin::cep {
namespace {
// clang-format off
constexpr double kExp[][2] = {
    {0x1.0000000000000p+0, 0x1.5bf0a8b145769p+1},
    {-0x1.0000000000000p+0, 0x1.78b56362cef38p-2},
    {0x1.0000000000000p-1, 0x1.a61298e1e069cp+0},
    {0x1.b7cdfd9d7bdbbp-34, 0x1.000000006df38p+0},
    {-0x1.56e1fc2f8f359p-997, 0x1.0000000000000p+0},
    {0x1.62e3d70a3d70ap+9, 0x1.fe9ce5c4c52b4p+1023},
    {-0x1.6200000000000p+9, 0x1.7c8ab2288c9abp-1022},
    {0x1.6333333333333p+6, 0x1.148906c06fc8ap+128},
    {0x1.8000000000000p+1, 0x1.415e5bf6fb106p+4},
    {0x1.999999999999ap-4, 0x1.1aec7b35a00d4p+0},
    {-0x1.ed44ac963f43cp+7, 0x1.22742b8716ed8p-356},
    {-0x1.e8cfa7f3e7e86p+8, 0x1.bc0c083bb704ep-706},
    {0x1.a69dd48ce676cp+7, 0x1.ce85f33ad47e9p+304},
    {-0x1.2b4b6adca374cp+9, 0x1.561d137b2cc84p-864},
    {0x1.91e0e1fbc8350p+5, 0x1.63735f0564b4bp+72},
    {-0x1.78122f320631ep+7, 0x1.a64a737a7c4dap-272},
    {-0x1.356697b9e6a11p+9, 0x1.3228b01887fe0p-893},
    {0x1.4d1eefd24f500p+3, 0x1.034d7f617aefap+15},
    {-0x1.43c0c72b7ac83p+9, 0x1.cc3950ce154c2p-935},
    {-0x1.73958c43478d0p+6, 0x1.f8b85621e47dbp-135},
    {-0x1.2d19e878f1262p+9, 0x1.2734812c54e8ep-869},
    {-0x1.1e803a5ec88aap+9, 0x1.4280ef199758ap-827},
    {-0x1.a6b14a5a9f668p+6, 0x1.75bd7cea6074fp-153},
    {0x1.c997cd2df4534p+8, 0x1.1f708ad77ca9ap+660},
    {-0x1.0756b04599207p+9, 0x1.1f15e71133b67p-760},
    {-0x1.837727b3a3f5ap+8, 0x1.00fb1d5826348p-559},
    {0x1.64d022420c858p+7, 0x1.4e93667afbdc3p+257},
    {0x1.39657146e9b5ap+9, 0x1.34c8fe2efe8e1p+904},
    {0x1.afc6c981e1058p+6, 0x1.a8bf1aaca33dep+155},
    {-0x1.214b6f8ea4cc4p+7, 0x1.3f219e760d731p-209},
    {0x1.e7af6b1c4c68cp-1, 0x1.4bcd7ce056065p+1},
    {-0x1.d04ca138bf348p-1, 0x1.9d7dd89a3a2ddp-2},
    {0x1.6f125b110bdf4p-1, 0x1.0629c6fbec22fp+1},
    {-0x1.aee15394b34dcp-2, 0x1.50252b9161b3ap-1},
    {-0x1.6c48653acace2p-1, 0x1.f6b1b518145e3p-2},
    {-0x1.876178b6ec4cep-1, 0x1.dcc7d0dcf73fep-2},
    {-0x1.883aae7092facp-2, 0x1.5d1354ee20db5p-1},
    {0x1.43b6a0d74bdd4p-1, 0x1.e1c0994bb2f82p+0},
    {-0x1.46efa9f2cf122p-1, 0x1.0e5dc024a383ap-1},
    {0x1.4e3bf92474e68p-3, 0x1.2d61bb1f673f5p+0},
};
constexpr double kLn[][2] = {
    {0x1.0000000000000p+0, 0x0.0p+0},
    {0x1.0000000000000p+1, 0x1.62e42fefa39efp-1},
    {0x1.0000000000000p-1, -0x1.62e42fefa39efp-1},
    {0x1.4000000000000p+3, 0x1.26bb1bbb55516p+1},
    {0x1.56e1fc2f8f359p-997, -0x1.5963447f87fb5p+9},
    {0x1.7e43c8800759cp+996, 0x1.5963447f87fb5p+9},
    {0x1.fffffffffffffp-1, -0x1.0000000000000p-53},
    {0x1.0000000000001p+0, 0x1.fffffffffffffp-53},
    {0x0.0000000000001p-1022, -0x1.74385446d71c3p+9},
    {0x1.8000000000000p+1, 0x1.193ea7aad030bp+0},
    {0x1.999999999999ap-4, -0x1.26bb1bbb55515p+1},
    {0x1.d5f0ab4d268f4p+276, 0x1.7fd504760087bp+7},
    {0x1.96d4d876d3f9fp-255, -0x1.6094206246b64p+7},
    {0x1.1e76bdf21d252p+95, 0x1.07d87db35611cp+6},
    {0x1.7bff74c0ef015p-872, -0x1.2e03c1d8c08a9p+9},
    {0x1.295b63124e706p-878, -0x1.30377be6346f4p+9},
    {0x1.e79ce1814f1f6p-587, -0x1.963ba936cf01cp+8},
    {0x1.7ad6f38c73eacp+359, 0x1.f276ab014a879p+7},
    {0x1.9a2da89f9bd2dp-145, -0x1.9023c3c91bda4p+6},
    {0x1.7b07025565353p-371, -0x1.00c3e260823cbp+8},
    {0x1.73c1b73d9b55ep+170, 0x1.d8d513acae358p+6},
    {0x1.9cbf9601de406p-94, -0x1.02b6734fb1bf5p+6},
    {0x1.df1c7977f1bf0p-400, -0x1.14a1d269925d6p+8},
    {0x1.ace53af6bb1cdp+586, 0x1.96b345c793e37p+8},
    {0x1.8b62f6a324fc6p+396, 0x1.12ebc4b0e6544p+8},
    {0x1.ec93ba401ef80p-511, -0x1.618b3244dc088p+8},
    {0x1.439d14c49c07cp+148, 0x1.9b47d6d6d84fbp+6},
    {0x1.2a4ae75b4a3c2p+50, 0x1.167b67bae389cp+5},
    {0x1.a226046c1b969p+747, 0x1.0322c3e3c1645p+9},
    {0x1.3fac39055ac2dp+457, 0x1.3cfd89aa97f12p+8},
    {0x1.410f86042bd17p-423, -0x1.24f98ccedd230p+8},
    {0x1.f8631bb3837e0p+0, 0x1.5b38a94baf4e8p-1},
    {0x1.5aacad312542dp-1, -0x1.8f4bfaa3c4121p-2},
    {0x1.208f2557eb0dep+0, 0x1.ea6257d017e48p-4},
    {0x1.a2bdfb606b2e8p+0, 0x1.f7e33f0cc536ap-2},
    {0x1.74b96019980c6p-1, -0x1.451b1348e1928p-2},
    {0x1.3bc307543dd45p+0, 0x1.adb146c56d904p-3},
    {0x1.1e1c75dc5a94ap-1, -0x1.29f496219a02ap-1},
    {0x1.80984aa3b9ccep+0, 0x1.a0c80ab8c2880p-2},
    {0x1.a5985fdac9a28p+0, 0x1.fed74e03ec4acp-2},
    {0x1.5c0abdf5e063ap+0, 0x1.3a8460b0244cfp-2},
};
constexpr double kPow[][3] = {
    {0x1.0000000000000p+1, 0x1.4000000000000p+3, 0x1.0000000000000p+10},
    {0x1.0000000000000p+1, 0x1.0000000000000p-1, 0x1.6a09e667f3bcdp+0},
    {0x1.4000000000000p+3, -0x1.8000000000000p+1, 0x1.0624dd2f1a9fcp-10},
    {0x1.000001ad7f29bp+0, 0x1.312d000000000p+23, 0x1.5bf0a790ce6f2p+1},
    {0x1.999999999999ap-4, 0x1.8000000000000p+1, 0x1.0624dd2f1a9fdp-10},
    {-0x1.0000000000000p+1, 0x1.8000000000000p+1, -0x1.0000000000000p+3},
    {-0x1.0000000000000p+1, 0x1.0000000000000p+2, 0x1.0000000000000p+4},
    {0x1.2000000000000p+3, 0x1.0000000000000p-1, 0x1.8000000000000p+1},
    {0x1.8000000000000p+0, 0x1.2c80000000000p+8, 0x1.b7f5fcc878030p+175},
    {0x1.c000000000000p+2, -0x1.9080000000000p+7, 0x1.c632a1fdd906fp-563},
    {0x1.5e4a6e196f92bp+5, -0x1.2a0104cbf9bc4p+4, 0x1.5d1b621b4d273p-102},
    {0x1.165ca625dfb80p+5, 0x1.2dfbcda6ab7fcp+3, 0x1.40b41c81cb04cp+48},
    {0x1.d0969cddee08ap+4, -0x1.18492f68fd598p+2, 0x1.a4b1a2011c700p-22},
    {0x1.501d79aec53b8p+5, 0x1.63beb032fe720p+5, 0x1.c03e8fe982a79p+239},
    {0x1.7c1ebfb2f6fd0p+4, 0x1.06a4be4cffff8p+4, 0x1.040e0a24735c1p+75},
    {0x1.904ec9e15b8c4p+1, 0x1.426321c5ebe5cp+4, 0x1.1b048763eadbcp+33},
    {0x1.032243413d50fp+5, 0x1.8a7a0c641fabep+5, 0x1.54fa24b673f42p+247},
    {0x1.48e991655664bp+5, -0x1.58a5ab88aca83p+4, 0x1.6c758b75932c1p-116},
    {0x1.359daad0206a4p+4, 0x1.0dd8270566ab4p+4, 0x1.1011d600ee573p+72},
    {0x1.39d3ef2ad3de8p+0, -0x1.ea4ce2c741e80p+1, 0x1.d55765ab82672p-2},
    {0x1.0f8a2698bd527p+3, -0x1.3252c802a175ap+5, 0x1.d4f5dd681e2a6p-119},
    {0x1.855a89ee37926p+1, 0x1.ad2c3b697c83cp+4, 0x1.08f9bfefa3101p+43},
    {0x1.a375ffb527979p+2, -0x1.93d0f6d06ba39p+4, 0x1.750d5557304cfp-69},
    {0x1.39bbf75919278p+4, 0x1.29233865a6924p+5, 0x1.61accbfcb43d2p+159},
    {0x1.07be93d99d090p+2, -0x1.45335cbeaf420p+2, 0x1.892afd1b52da4p-11},
};
constexpr double kExp2[][2] = {
    {0x0.0p+0, 0x1.0000000000000p+0},
    {0x1.0000000000000p+0, 0x1.0000000000000p+1},
    {-0x1.0000000000000p+0, 0x1.0000000000000p-1},
    {0x1.0000000000000p-1, 0x1.6a09e667f3bcdp+0},
    {-0x1.999999999999ap-4, 0x1.ddb680117ab12p-1},
    {-0x1.5800000000000p+3, 0x1.306fe0a31b715p-11},
    {0x1.9133333333333p+6, 0x1.3b2c47bff831ep+100},
    {-0x1.f440000000000p+9, 0x1.6a09e667f3bcdp-1001},
    {-0x1.8fe81ca7a92b8p+5, 0x1.0214008195851p-50},
    {-0x1.537e788f2b47ep+5, 0x1.7a4361021d4dep-43},
    {-0x1.676a0c788d74cp+5, 0x1.0d53df2ff18c2p-45},
    {-0x1.fd1cb01ea0538p+4, 0x1.221e369c96884p-32},
    {-0x1.85ccb58e7bf5fp+5, 0x1.35c49c05b80a7p-49},
    {-0x1.9222ea9cd1a58p+2, 0x1.a4b10655680a4p-7},
    {-0x1.34beabda60874p+4, 0x1.a0de65e41d767p-20},
    {-0x1.54946e28478ebp+5, 0x1.584cea73a1d82p-43},
    {-0x1.2b18ce443a026p+5, 0x1.878157c87b7c8p-38},
    {-0x1.050b4f7be2d39p+5, 0x1.4ab8f47559acdp-33},
};
constexpr double kDistance[][5] = {
    {0x1.a428f5c28f5c3p+5, 0x1.acf5c28f5c28fp+3, 0x1.86da5119ce076p+5, 0x1.2d14e3bcd35a8p+1, 0x1.b6bb4e437f9e5p+9},
    {0x0.0p+0, 0x0.0p+0, 0x0.0p+0, 0x1.6800000000000p+7, 0x1.38bc58e10e572p+14},
    {0x1.daa3d70a3d70ap+5, 0x1.211eb851eb852p+4, 0x1.daa3d70a3d70ap+5, 0x1.211eb851eb852p+4, 0x0.0p+0},
    {0x1.6800000000000p+6, 0x0.0p+0, -0x1.6800000000000p+6, 0x0.0p+0, 0x1.38bc58e10e572p+14},
    {-0x1.0ef5c28f5c28fp+5, 0x1.2e6b851eb851fp+7, 0x1.45ae147ae147bp+5, -0x1.280a3d70a3d71p+6, 0x1.f3a326983212dp+13},
    {0x1.9c00000000000p+5, -0x1.eb851eb851eb8p-4, 0x1.9c00000000000p+5, -0x1.ebedfa43fe5c9p-4, 0x1.c5a4ad35b65a7p-8},
    {0x0.0p+0, -0x1.67ff7ced91687p+7, 0x0.0p+0, 0x1.67ff7ced91687p+7, 0x1.c77454d6bf9b8p-3},
    {0x1.1cc61cc80b4e8p+3, 0x1.14094e9052c72p+7, 0x1.cbc351c57e700p+5, 0x1.06119e11850f0p+7, 0x1.53a48fe6f6380p+12},
    {-0x1.3f12dbd8d93d8p+5, -0x1.e7e45e19be638p+4, -0x1.96bd31fa383e8p+4, 0x1.149e6c023d5e0p+7, 0x1.8baa01363d37cp+13},
    {0x1.499103f8c483cp+6, -0x1.f6ac846d1010dp+6, -0x1.d23f18b8c42bcp+5, -0x1.81fb6bad778d3p+6, 0x1.eb9cc6bf49bccp+13},
    {-0x1.7ffefc71d4226p+5, -0x1.5a756ce673580p+2, 0x1.00acfa11a4b80p+4, -0x1.55a5161540a1fp+6, 0x1.4b697fc3c5ef2p+13},
    {-0x1.650d778ee39dbp+6, -0x1.d2de3f4f18320p+4, -0x1.788cb9cc77b00p+4, 0x1.7e201d6566808p+4, 0x1.cad8d5dbdf0dcp+12},
    {0x1.463b02774b530p+6, 0x1.124f94eea8068p+6, 0x1.64ec30b0a51a0p+1, 0x1.52aac843c9b58p+5, 0x1.14c62c9fb1454p+13},
    {0x1.fb74cbfa52900p+4, -0x1.412007a8e6edcp+7, 0x1.1fa9eca6635e0p+6, 0x1.9327f3fb56ea8p+6, 0x1.b31fdbfc8b46fp+12},
    {0x1.0da6452540734p+6, 0x1.aceff288ab3dcp+6, -0x1.35f2e128b1e78p+4, -0x1.22f0e2f21de68p+5, 0x1.b8559400fc524p+13},
    {-0x1.1d740afaa9b6ep+6, 0x1.82c102d028cb0p+5, -0x1.3b2e7b44d85b4p+6, -0x1.37827cc961423p+7, 0x1.9607734cf7006p+11},
    {-0x1.a3618a10afea1p+5, -0x1.e6488d8836811p+6, -0x1.cca53e47bcf9cp+4, -0x1.422543c2c92cap+7, 0x1.0424cad25b869p+12},
    // Of these a quick result leaves open which double is nearest.
    {-0x1.405b05316d80ep+6, -0x1.ecc2980f3803cp+5, -0x1.405b05316d80ep+6, -0x1.97eb9dbd92c94p+6, 0x1.7abc3af12089ep+9},
    {0x1.d39d8da1266d0p+5, 0x1.9a041e5cf1720p+5, 0x1.d39d8da1266d0p+5, -0x1.49d467e61620bp+7, 0x1.9e9081610bbecp+12},
    {-0x1.3af4e925d8490p+6, -0x1.15c973fb1b782p+6, -0x1.3af4e925d8490p+6, -0x1.24908fae19dbfp+6, 0x1.40d37668d1c29p+6},
    {0x1.25bd52a901492p+6, -0x1.d84eccddfb3c0p+5, -0x1.84bd03024b530p+2, -0x1.1c7ac1c786d1ep+6, 0x1.158d33f3f0069p+13},
    {-0x1.14c5c88abc41ep+6, 0x1.79ec2719a0670p+6, -0x1.14c5c88abc41ep+6, -0x1.f62f1129aa460p+3, 0x1.d6c5a8020e000p+11},
    {0x1.3505fad83fa8cp+6, 0x1.cd97272448874p+6, 0x1.350605ebc0c57p+6, 0x1.cd97239413f49p+6, 0x1.34adabcb283b4p-8},
    {0x1.646b912809d00p+6, -0x1.0972be1577d98p+4, 0x1.646b912809d00p+6, 0x1.0ecb6da298644p+6, 0x1.0b179206aec3bp+7},
    {0x1.1ee11bb615826p+5, -0x1.1d9b90634c770p+6, 0x1.1ee116ffc8339p+5, -0x1.1d9b8cd8fb225p+6, 0x1.9cd3322dcc9a8p-10},
    {0x1.62f3b45660496p+6, -0x1.918575e036790p+4, 0x1.62f3b456604bep+6, -0x1.918575e0367cep+4, 0x1.15ff583f5c8d1p-34},
    {-0x1.3d68942b9e994p+5, 0x1.7ccb8c18b9100p+6, -0x1.3d6c3f4fab8aep+5, 0x1.7cc9edc415ac9p+6, 0x1.ed182c1a08a68p-3},
    {0x1.7acfdb9878990p+2, 0x1.d95183a28ddb8p+5, -0x1.ccf884ccdd5c0p+0, 0x1.84b2e36b17dd4p+5, 0x1.6baf8cfe145b0p+10},
    {0x1.17392b79f2e24p+5, -0x1.b07d88a4c550ep+6, -0x1.ed7ce4578c48ap+5, -0x1.5b450086e3466p+7, 0x1.7e55630e62865p+13},
    // Of near points.
    {0x1.5e0624dd2f1aap+4, 0x1.5c2c56d5cfaadp+6, 0x1.5e0624dd2f1aap+4, 0x1.5c2c56d5cfaadp+6, 0x0.0p+0},
    {0x1.2cb205942c6d8p+6, -0x1.531dc19e5e613p+7, 0x1.2cb3855ca7da6p+6, -0x1.531d8123e1b8dp+7, 0x1.4ea05a591e331p-3},
    {0x1.1d70ef36f5b36p+6, -0x1.167de06889e1ap+7, 0x1.1d701fb1b6257p+6, -0x1.167dce7dcdb97p+7, 0x1.691960de107e6p-4},
    {0x1.a52b020c49ba6p+3, -0x1.5e8ecbfb15b57p+7, 0x1.a3e1b089a0275p+3, -0x1.5e67e28240b78p+7, 0x1.2baf4620abf70p+3},
    {0x1.7a649e7951e10p+5, -0x1.ea2b80ceda7a2p+6, 0x1.7a649b7c37decp+5, -0x1.ea2b8052782bfp+6, 0x1.544f1e9666c91p-11},
    {-0x1.09ca47093b064p+6, -0x1.66b8db7e7d596p+7, -0x1.09ca476631814p+6, -0x1.66b8dbac01d80p+7, 0x1.5ae1a7434fbb1p-13},
    {0x1.577be76c8b439p+6, 0x1.0c22339c0ebeep+7, 0x1.5796a161e4f76p+6, 0x1.0c2353f7ced91p+7, 0x1.737c9f8a00199p+1},
    {0x1.fa761126c28bcp+4, -0x1.a91e146b4cb56p+6, 0x1.fa76117643091p+4, -0x1.a91e143aa860fp+6, 0x1.3f30f820a1aaep-14},
    {0x1.185815431b5d2p+6, -0x1.21be75f01e0b8p+6, 0x1.185200b454737p+6, -0x1.21c4e8dfee59ep+6, 0x1.67703f3a51500p-1},
    {-0x1.359ed288ce704p+6, -0x1.1e0af4f0d844dp+6, -0x1.359f06f694467p+6, -0x1.1e0af4f0d844dp+6, 0x1.6c5d10ab89c4ep-6},
    {-0x1.cdab73f47efaap+4, -0x1.11a91bac09690p+6, -0x1.cdab742e4af6dp+4, -0x1.11a91c3644f51p+6, 0x1.a7b00fbb4703bp-13},
    {-0x1.abeb97fe35f80p+1, 0x1.26b93ac7b39cep+6, -0x1.1a53e26c5d7fap+1, 0x1.22278003a71a0p+6, 0x1.664948dfe312cp+7},
    {0x1.63b53f7ced917p+5, 0x1.f0a0ded288ce7p+6, 0x1.6e07c84b5dcc6p+5, 0x1.ee3a786c22681p+6, 0x1.2e014e6632cefp+7},
    {0x1.bf3e45a6f56b8p+3, -0x1.6176abf73ef9bp+7, 0x1.a26540ac4c1ffp+3, -0x1.5ee43c014b743p+7, 0x1.56cc5b905c8aap+7},
};
// clang-format on

TEST_CASE("real functions: the double nearest to the true value") {
  for (const auto& row : kExp) {
    CAPTURE(row[0]);
    CHECK(real_exp(row[0]) == row[1]);
  }
  for (const auto& row : kLn) {
    CAPTURE(row[0]);
    CHECK(real_ln(row[0]) == row[1]);
  }
  for (const auto& row : kPow) {
    CAPTURE(row[0]);
    CAPTURE(row[1]);
    CHECK(real_pow(row[0], row[1]) == row[2]);
  }
  for (const auto& row : kExp2) {
    CAPTURE(row[0]);
    CHECK(real_exp2(row[0]) == row[1]);
  }
  for (const auto& row : kDistance) {
    CAPTURE(row[0]);
    CAPTURE(row[1]);
    CAPTURE(row[2]);
    CAPTURE(row[3]);
    CHECK(great_circle_km(row[0], row[1], row[2], row[3]) == row[4]);
  }
}

TEST_CASE("real functions: what is undefined or out of range") {
  CHECK(std::isinf(real_exp(710)));
  CHECK(real_exp(-800) == 0);
  CHECK(real_exp(0) == 1);
  CHECK(std::isnan(real_ln(0)));
  CHECK(std::isnan(real_ln(-1)));
  CHECK(std::isnan(real_pow(-2, 0.5)));
  CHECK(std::isnan(real_pow(0, -1)));
  CHECK(real_pow(0, 0) == 1);
  CHECK(real_pow(-1, 1e300) == 1);
  CHECK(real_pow(-1, 3) == -1);
  CHECK(std::isinf(real_pow(10, 400)));
  CHECK(real_pow(10, -400) == 0);
  CHECK(real_exp2(-2000) == 0);
}

TEST_CASE("real functions: rounding goes by the exact value, ties to even") {
  struct Row {
    double x;
    int digits;
    double rounded;
  };
  constexpr Row kRows[] = {
      {0.5, 0, 0},
      {1.5, 0, 2},
      {2.5, 0, 2},
      {-2.5, 0, -2},
      {0.125, 2, 0.12},
      {0.375, 2, 0.38},
      {2.675, 2, 2.67},
      {1.005, 2, 1},
      {1e300, 5, 1e300},
      {0.1, 9, 0.1},
      {123456.789, 1, 123456.8},
      {0.49999999999999994, 0, 0},
      {4503599627370495.5, 0, 4503599627370496},
      {-0.05, 1, -0.1},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.x);
    CAPTURE(row.digits);
    CHECK(round_real(row.x, row.digits) == row.rounded);
  }
}
}  // namespace
}  // namespace tocsin::cep
