// SPDX-License-Identifier: Apache-2.0
public import Torch

/// Images as models see them, within [−1, 1], and as files hold them, 0 … 255.
public enum ImagePixels {
  /// Pixels of any shape, uint8 → float32 of [−1, 1]: x / 127.5 − 1. Real numbers are taken to be of [−1, 1] already.
  public static func normalised(_ pixels: Tensor) -> Tensor {
    pixels.dtype.isFloatingPoint ? pixels : pixels.to(.float32) / 127.5 - 1
  }

  /// Real numbers of [−1, 1] → uint8: 127.5 x + 128, clamped to 0 … 255 and cut off, as LlamaGen writes its samples.
  public static func bytes(_ images: Tensor) -> Tensor { (images.to(.float32) * 127.5 + 128).clamp(0, 255).to(.uint8) }
}
