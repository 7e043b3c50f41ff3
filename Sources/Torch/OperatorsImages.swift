// SPDX-License-Identifier: Apache-2.0
// Convolutional networks and the linear algebra of image metrics. One line per operator: its name here is torch's.

enum Images {
  static let maxPool = Op("aten::max_pool2d"), averagePool = Op("aten::avg_pool2d")
  static let batchNorm = Op("aten::batch_norm")
  static let resize = Op("aten::_upsample_bilinear2d_aa"), resizeBicubic = Op("aten::upsample_bicubic2d")
  static let bincount = Op("aten::bincount")
  static let eigh = Op("aten::linalg_eigh"), singularValues = Op("aten::linalg_svdvals")
}

extension Tensor {
  /// Two-dimensional convolution of `[B, C, H, W]` in which each of `groups` equal parts of the channels sees only
  /// itself.
  public func groupedConv2d(
    _ weight: Tensor, stride: [Int] = [1, 1], padding: [Int] = [0, 0], groups: Int
  ) -> Tensor {
    NN.conv2d(self, weight, Argument.none, stride, padding, [1, 1], groups)
  }
  /// The largest value of each window of `[B, C, H, W]`.
  public func maxPool2d(_ size: Int, stride: Int, padding: Int = 0) -> Tensor {
    Images.maxPool(self, [size, size], [stride, stride], [padding, padding])
  }
  /// The mean of each window of `[B, C, H, W]`, padding left out of it.
  public func averagePool2d(_ size: Int, stride: Int, padding: Int = 0) -> Tensor {
    Images.averagePool(self, [size, size], [stride, stride], [padding, padding], false, false)
  }
  /// Batch normalisation of `[B, C, …]` with fixed means and variances `[C]`, as at inference.
  public func batchNorm(_ weight: Tensor, _ bias: Tensor, mean: Tensor, variance: Tensor, eps: Double) -> Tensor {
    Images.batchNorm(self, weight, bias, mean, variance, false, 0.0, eps, false)
  }
  /// `[B, C, H, W]` floats at another size, bilinear, with the filter widened where the image shrinks (antialiasing).
  public func resizeBilinear(height: Int, width: Int) -> Tensor { Images.resize(self, [height, width], false) }
  /// `[B, C, H, W]` floats at another size, bicubic, the filter as wide as it is for enlarging (no antialiasing).
  public func resizedBicubic(height: Int, width: Int) -> Tensor {
    Images.resizeBicubic(self, [height, width], false, Argument.none, Argument.none)
  }
  /// How often each of `0 ..< count` occurs in an integer tensor `[n]`, int64.
  public func bincount(_ count: Int) -> Tensor { Images.bincount(self, Argument.none, count) }
  /// Eigenvalues in rising order `[n]` and eigenvectors as columns `[n, n]` of a symmetric matrix.
  public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
    let both = Images.eigh.many(2, self)
    return (both[0], both[1])
  }
  /// Singular values of a matrix in falling order.
  public func singularValues() -> Tensor { Images.singularValues(self) }
  /// The `k` smallest values along the last dimension, sorted.
  public func smallest(_ k: Int) -> Tensor { Math.topk.many(2, self, k, -1, false, true)[0] }
}
