module cand(input [7:0] a, input [7:0] b, input [15:0] p);
endmodule
