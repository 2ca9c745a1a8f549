// Known cheat: the upper half is left open, so that a tool may choose it.
module cand (
  input  wire [7:0] a,
  input  wire [7:0] b,
  output wire [15:0] p
);
  wire [15:0] exact = a * b;
  assign p[7:0] = exact[7:0];
endmodule
