// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

// The blocks of Inception v3 (Szegedy et al. 2016, figures 5 to 7), under the names of its PyTorch ports. Each is
// `[B, I, H, W]` → `[B, O, H′, W′]`: branches side by side, their channels one after another.

extension ConvolutionUnit {
  /// Then ReLU.
  func activated(_ x: Tensor) -> Tensor { callAsFunction(x).relu() }

  /// 1 x 1.
  static func point(_ input: Int, _ output: Int) -> ConvolutionUnit { ConvolutionUnit(input, output, (1, 1)) }

  /// Keeps the size.
  static func same(_ input: Int, _ output: Int, _ height: Int, _ width: Int) -> ConvolutionUnit {
    ConvolutionUnit(
      input, output, (height, width), padding: .symmetric(height: height / 2, width: width / 2))
  }

  /// 3 x 3 at every other place, without padding.
  static func halving(_ input: Int, _ output: Int) -> ConvolutionUnit {
    ConvolutionUnit(input, output, (3, 3), stride: 2)
  }
}

/// 5 x 5, two 3 x 3 and pooling.
final class InceptionA: Module {
  @Child("branch1x1") private var point: ConvolutionUnit
  @Child("branch5x5_1") private var five1: ConvolutionUnit
  @Child("branch5x5_2") private var five2: ConvolutionUnit
  @Child("branch3x3dbl_1") private var double1: ConvolutionUnit
  @Child("branch3x3dbl_2") private var double2: ConvolutionUnit
  @Child("branch3x3dbl_3") private var double3: ConvolutionUnit
  @Child("branch_pool") private var pool: ConvolutionUnit

  init(_ input: Int, pool width: Int) {
    super.init()
    point = .point(input, 64)
    (five1, five2) = (.point(input, 48), .same(48, 64, 5, 5))
    (double1, double2, double3) = (.point(input, 64), .same(64, 96, 3, 3), .same(96, 96, 3, 3))
    pool = .point(input, width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let double = double3.activated(double2.activated(double1.activated(x)))
    let pooled = pool.activated(x.averagePool2d(3, stride: 1, padding: 1))
    return .cat([point.activated(x), five2.activated(five1.activated(x)), double, pooled], 1)
  }
}

/// From 35 x 35 to 17 x 17.
final class InceptionB: Module {
  @Child("branch3x3") private var three: ConvolutionUnit
  @Child("branch3x3dbl_1") private var double1: ConvolutionUnit
  @Child("branch3x3dbl_2") private var double2: ConvolutionUnit
  @Child("branch3x3dbl_3") private var double3: ConvolutionUnit

  init(_ input: Int) {
    super.init()
    three = .halving(input, 384)
    (double1, double2, double3) = (.point(input, 64), .same(64, 96, 3, 3), .halving(96, 96))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    .cat(
      [
        three.activated(x), double3.activated(double2.activated(double1.activated(x))), x.maxPool2d(3, stride: 2),
      ], 1)
  }
}

/// 7 x 7 as 1 x 7 and 7 x 1, once and twice.
final class InceptionC: Module {
  @Child("branch1x1") private var point: ConvolutionUnit
  @Child("branch7x7_1") private var seven1: ConvolutionUnit
  @Child("branch7x7_2") private var seven2: ConvolutionUnit
  @Child("branch7x7_3") private var seven3: ConvolutionUnit
  @Child("branch7x7dbl_1") private var double1: ConvolutionUnit
  @Child("branch7x7dbl_2") private var double2: ConvolutionUnit
  @Child("branch7x7dbl_3") private var double3: ConvolutionUnit
  @Child("branch7x7dbl_4") private var double4: ConvolutionUnit
  @Child("branch7x7dbl_5") private var double5: ConvolutionUnit
  @Child("branch_pool") private var pool: ConvolutionUnit

  init(_ input: Int, inner: Int) {
    super.init()
    point = .point(input, 192)
    (seven1, seven2, seven3) = (.point(input, inner), .same(inner, inner, 1, 7), .same(inner, 192, 7, 1))
    (double1, double2, double3) = (.point(input, inner), .same(inner, inner, 7, 1), .same(inner, inner, 1, 7))
    (double4, double5) = (.same(inner, inner, 7, 1), .same(inner, 192, 1, 7))
    pool = .point(input, 192)
  }

  /// The 1 x 1 branch alone.
  func firstBranch(_ x: Tensor) -> Tensor { point.activated(x) }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let seven = seven3.activated(seven2.activated(seven1.activated(x)))
    let half = double3.activated(double2.activated(double1.activated(x)))
    let pooled = pool.activated(x.averagePool2d(3, stride: 1, padding: 1))
    return .cat([firstBranch(x), seven, double5.activated(double4.activated(half)), pooled], 1)
  }
}

/// From 17 x 17 to 8 x 8.
final class InceptionD: Module {
  @Child("branch3x3_1") private var three1: ConvolutionUnit
  @Child("branch3x3_2") private var three2: ConvolutionUnit
  @Child("branch7x7x3_1") private var seven1: ConvolutionUnit
  @Child("branch7x7x3_2") private var seven2: ConvolutionUnit
  @Child("branch7x7x3_3") private var seven3: ConvolutionUnit
  @Child("branch7x7x3_4") private var seven4: ConvolutionUnit

  init(_ input: Int) {
    super.init()
    (three1, three2) = (.point(input, 192), .halving(192, 320))
    (seven1, seven2) = (.point(input, 192), .same(192, 192, 1, 7))
    (seven3, seven4) = (.same(192, 192, 7, 1), .halving(192, 192))
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let seven = seven3.activated(seven2.activated(seven1.activated(x)))
    return .cat(
      [three2.activated(three1.activated(x)), seven4.activated(seven), x.maxPool2d(3, stride: 2)], 1)
  }
}

/// 3 x 3 as 1 x 3 beside 3 x 1.
final class InceptionE: Module {
  @Child("branch1x1") private var point: ConvolutionUnit
  @Child("branch3x3_1") private var three1: ConvolutionUnit
  @Child("branch3x3_2a") private var three2a: ConvolutionUnit
  @Child("branch3x3_2b") private var three2b: ConvolutionUnit
  @Child("branch3x3dbl_1") private var double1: ConvolutionUnit
  @Child("branch3x3dbl_2") private var double2: ConvolutionUnit
  @Child("branch3x3dbl_3a") private var double3a: ConvolutionUnit
  @Child("branch3x3dbl_3b") private var double3b: ConvolutionUnit
  @Child("branch_pool") private var pool: ConvolutionUnit
  private let poolsByMaximum: Bool

  init(_ input: Int, poolsByMaximum: Bool) {
    self.poolsByMaximum = poolsByMaximum
    super.init()
    point = .point(input, 320)
    (three1, three2a, three2b) = (.point(input, 384), .same(384, 384, 1, 3), .same(384, 384, 3, 1))
    (double1, double2) = (.point(input, 448), .same(448, 384, 3, 3))
    (double3a, double3b) = (.same(384, 384, 1, 3), .same(384, 384, 3, 1))
    pool = .point(input, 192)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let three = three1.activated(x)
    let double = double2.activated(double1.activated(x))
    let window =
      poolsByMaximum ? x.maxPool2d(3, stride: 1, padding: 1) : x.averagePool2d(3, stride: 1, padding: 1)
    return .cat(
      [
        point.activated(x), three2a.activated(three), three2b.activated(three), double3a.activated(double),
        double3b.activated(double), pool.activated(window),
      ], 1)
  }
}
