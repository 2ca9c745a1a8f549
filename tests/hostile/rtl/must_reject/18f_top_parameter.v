module cand #(parameter W = 4) (input [W-1:0] a, input [W-1:0] b, output [2*W-1:0] p);
  assign p = a * b;
endmodule
