// Known cheat: the carry out is left undefined.
module cand (
  input  wire [31:0] a,
  input  wire [31:0] b,
  output wire [32:0] s
);
  wire [32:0] exact = a + b;
  assign s = {1'bx, exact[31:0]};
endmodule
