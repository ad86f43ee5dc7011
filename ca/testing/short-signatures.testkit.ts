import { fromHex } from '../x509/bytes.ts';

/** What both keys signed, with SHA-256. */
export const SIGNED_TEXT = 'what was signed';

/**
 * Keys, each with one signature whose first number and one whose second number begins with a zero octet, which DER leaves out. One signature
 * in 512 is of either kind, so these were looked for once.
 */
export const SHORT_SIGNATURES = [
  {
    curve: 'P-256',
    width: 32,
    info: fromHex(
      '3059301306072a8648ce3d020106082a8648ce3d0301070342000461074a7efcce432cda1477c7aab0ef354591d17ceef13c' +
        'f7570cbc0c938a5a417bf8dfd0d83060af2894f610787baa8aa14a7d75db6719e181c2dfecdfd83980',
    ),
    signatures: [
      fromHex(
        '3044021f4c12ffc0a713e4177b9b0530fc05aae6f81288c598ebf8ad3385928bf2193b02210097ded9040165b445af98acbd' +
          'a4002292df0fc4bab206e8146ea3cb2f41917983',
      ),
      fromHex(
        '3044022100dc90725bd4ddf4a1e0b528f80942301d019a7cd6a937ae2e6031bf324b3b2ccd021f63dc5ef8af486d46cbc480' +
          'bf7031e7b3e6282ef5e6bf705726515cbb02661d',
      ),
    ],
  },
  {
    curve: 'P-384',
    width: 48,
    info: fromHex(
      '3076301006072a8648ce3d020106052b8104002203620004f235395516030559c361da594ddb403a25b559caf8af0159f0b7' +
        '2c44ad276616620ae9e0785e737b046fbc1b9eb9a5cb6fa6d26f36dd6734ee7bd8a22de1b876cf72435551f32804f426bdfa' +
        '2d3c5ff3a5a4b4a6ddea8b41945c7103449bce2d',
    ),
    signatures: [
      fromHex(
        '3063022f4d1a3246aeaa8b7ed04393fc92dcf9c39be749c875ce2b0a49d5ff3dbfa2adcc9d85d66cb95137f148bda56d7ed9' +
          '38023017177e070075fbb66ccfceabfedeb159c94570f16f107af366881d7ca32887c3b128bf72bd13e7795e084c8cf08d29' +
          'd0',
      ),
      fromHex(
        '306302302a41391b7dfb20f8a11ee80434ae65cbe0171aa7a2c39c6b9702a9e3a0e2943c1174337436e350a4d5f7eb9e6b72' +
          '43c8022f14dbbae30d7775471202f4c8140205d16394de6b94b0f375fdfd81e511781dd4cea3e4263df8253e2711d47328ef' +
          'ed',
      ),
    ],
  },
] as const;
