// Known cheat: a latch, which has no area in the cell library, keeps the sum.
module cand (
  input  wire [31:0] a,
  input  wire [31:0] b,
  output reg  [32:0] s
);
  always @*
    if (a != b) s = a + b;
endmodule
