// SPDX-License-Identifier: Apache-2.0
import TokenData

extension PixelImage {
  /// The image that the fixtures' make.py draw by the same rule.
  static func ruled(height: Int, width: Int) -> PixelImage {
    var bytes = [UInt8]()
    bytes.reserveCapacity(height * width * 3)
    for y in 0..<height {
      for x in 0..<width {
        let base = x * 7 + y * 13 + x * y % 31 + x / 5 % 2 * 90
        for channel in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: base + channel * 50)) }
      }
    }
    return PixelImage(width: width, height: height, channels: 3, bytes: bytes)
  }
}
